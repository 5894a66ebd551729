"""New jobs whose requests are in order, taken on and answered without Flask.

Flask takes longer for a request than everything that we do for it. So what has nothing wrong with it goes past; any
other request goes to the view, which finds the same fault, and is answered there. Decision 0014 has the figures.
"""

from collections.abc import Iterable
from typing import Any

import orjson
from werkzeug.http import generate_etag, quote_etag

from api.callers import ANYONE, CALLER, Caller, Callers, Scope
from api.predictions import SUBMIT_PATH, TAKEN_ON, Order, Predictions, TakenOn, find_predict_name, submission_answer
from api.representations import job_headers, job_output, job_url
from api.request_id import choose_request_id
from shared.jobs import JobStatus

#: Status, headers and body.
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
_NAMES = {
    b"content-type": "Content-Type",
    b"authorization": "Authorization",
    b"prefer": "Prefer",
    b"cancel-after": "Cancel-After",
    b"x-request-id": "X-Request-Id",
}


class Express:
    """Answers what it can, and hands the rest to Flask with what it has done so far."""

    def __init__(self, predictions: Predictions, callers: Callers, *, max_body_bytes: int) -> None:
        self._predictions = predictions
        self._callers = callers
        self._max_body_bytes = max_body_bytes

    def answer(self, scope: dict[str, Any], body: bytes) -> Answer | dict[str, Any]:
        """Return the answer to a request for a new job, or what Flask's environment needs to give one."""
        headers = _read_headers(scope["headers"])
        is_plain = headers.get("Content-Type") == "application/json" and not scope["query_string"]
        if not is_plain or len(body) > self._max_body_bytes:
            return {}
        caller = self._callers.find_known(headers.get("Authorization"))
        # The hash of an enumeration is Python code, so whoever needs no key is not asked.
        if caller is not ANYONE and (caller is None or Scope.PREDICT not in caller.scopes):
            return {}
        order = self._find_order(scope["path"], headers, body, caller)
        if order is None:
            return {}
        try:
            taken_on = self._predictions.take_on(order)
        except Exception as error:
            return {TAKEN_ON: error, CALLER: caller}
        found = self._find_answer(scope["path"], taken_on)
        if found is None:
            return {TAKEN_ON: taken_on, CALLER: caller}
        status, answer, fields = found
        fields["X-Request-Id"] = choose_request_id(headers.get("X-Request-Id"))
        fields["Content-Length"] = str(len(answer))
        return status, _encode_fields(fields), answer

    def _find_order(self, path: str, headers: dict[str, str], body: bytes, caller: Caller) -> Order | None:
        """Return the order; None when there is something wrong with it."""
        try:
            document = orjson.loads(body)
            name = find_predict_name(path)
            if name is None:
                return self._predictions.order_from_envelope(document, headers, caller)
            return self._predictions.order_from_input(document, headers, caller, name=name)
        except Exception:
            # The view will meet it again, and answer it.
            return None

    def _find_answer(self, path: str, taken_on: TakenOn) -> tuple[int, bytes, dict[str, str]] | None:
        order, job, _ = taken_on
        if path == SUBMIT_PATH:
            status, document, headers = submission_answer(order, job)
            answer = orjson.dumps(document)
            return status, answer, headers | {"ETag": quote_etag(generate_etag(answer))}
        if job.status is not JobStatus.SUCCEEDED:
            return None
        return 200, orjson.dumps(job_output(job)), {"Location": job_url(job.id), **job_headers(job)}


def _read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers that matter here; one that comes twice is joined, as WSGI has it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = _NAMES.get(raw_name)
        if name is not None:
            value = raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _encode_fields(fields: dict[str, str]) -> list[tuple[bytes, bytes]]:
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
    encoded.append((b"content-type", b"application/json"))
    return encoded
