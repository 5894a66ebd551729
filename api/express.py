"""New jobs and reads of jobs whose requests are in order, answered without Flask.

Flask takes longer for a request than everything that we do for it. So what has nothing wrong with it goes past; any
other request goes to the view, which finds the same fault, and is answered there. Decision 0014 has the figures.
"""

from time import perf_counter
from typing import Any

import orjson
from werkzeug.http import generate_etag, quote_etag

from api.callers import ANYONE, CALLER, Caller, Callers, Scope
from api.greenlets import GreenletHost
from api.orders import Order, TakenOn
from api.predictions import (
    PREDICT_RULE,
    READ_RULE,
    SUBMIT_PATH,
    TAKEN_ON,
    Predictions,
    answer_headers,
    find_job_id,
    find_predict_name,
    submission_answer,
)
from api.rate_limits import RateLimits
from api.representations import job_document, job_headers, job_output
from api.request_counts import BEGAN, RequestCounts
from api.request_id import choose_request_id
from shared.jobs import JobStatus

Headers = list[tuple[bytes, bytes]]
#: Status, headers and body.
Answer = tuple[int, Headers, bytes]
#: The same, with headers as Flask has them.
_Found = tuple[int, bytes, dict[str, str]]
_NAMES = {
    b"content-type": "Content-Type",
    b"authorization": "Authorization",
    b"prefer": "Prefer",
    b"cancel-after": "Cancel-After",
    b"x-request-id": "X-Request-Id",
    b"idempotency-key": "Idempotency-Key",
}


class Express:
    """Answers what it can, and hands the rest to Flask with what it has done so far."""

    def __init__(
        self,
        predictions: Predictions,
        callers: Callers,
        counts: RequestCounts,
        rates: RateLimits,
        *,
        max_body_bytes: int,
        response_headers: dict[str, str],
    ) -> None:
        self._predictions = predictions
        self._callers = callers
        self._counts = counts
        self._rates = rates
        #: The same in every answer, so they are encoded once.
        self._constant = _encode({**response_headers, "Content-Type": "application/json"})
        self._max_body_bytes = max_body_bytes

    async def answer(self, scope: dict[str, Any], body: bytes, host: GreenletHost) -> Answer | dict[str, Any]:
        """Return the answer to a request that never blocks, or what Flask's environment needs to give one.

        host: runs what may wait for more than one flag.
        """
        began = perf_counter()
        headers = _read_headers(scope["headers"])
        caller = self._callers.find_known(headers.get("Authorization"))
        # The hash of an enumeration is Python code, so whoever needs no key is not asked.
        is_known = caller is ANYONE or (caller is not None and Scope.PREDICT in caller.scopes)
        if caller is None or not is_known or scope["query_string"]:
            return {}
        if scope["method"] == "GET":
            found = await host.run(self._read, scope, headers, caller)
        else:
            found = await self._take_on(scope["path"], headers, body, caller, host)
        if isinstance(found, dict):
            return found | {BEGAN: began} if found else found
        status, answer, fields = found
        fields["X-Request-Id"] = choose_request_id(headers.get("X-Request-Id"))
        fields["Content-Length"] = str(len(answer))
        self._counts.answered(scope["method"], _find_rule(scope), status, perf_counter() - began)
        return status, _encode(fields) + self._constant, answer

    def _read(self, scope: dict[str, Any], headers: dict[str, str], caller: Caller) -> _Found | dict[str, Any]:
        job_id = find_job_id(scope["path"])
        if job_id is None or _is_conditional(scope["headers"]):
            return {}
        try:
            job = self._predictions.read(job_id, headers, caller)
        except Exception as error:
            return {TAKEN_ON: error, CALLER: caller}
        return _with_etag(200, job_document(job), job_headers(job))

    async def _take_on(
        self, path: str, headers: dict[str, str], body: bytes, caller: Caller, host: GreenletHost
    ) -> _Found | dict[str, Any]:
        if headers.get("Content-Type") != "application/json" or len(body) > self._max_body_bytes:
            return {}
        order = self._find_order(path, headers, body, caller)
        if order is None:
            return {}
        try:
            with self._predictions.begin(order) as begun:
                await begun.flag.wait_on_loop(host, begun.wait_seconds)
                finish = self._predictions.finish
                taken_on = finish(begun) if begun.is_known else await host.run(finish, begun)
        except Exception as error:
            return {TAKEN_ON: error, CALLER: caller}
        found = self._find_answer(path, taken_on)
        if found is None:
            return {TAKEN_ON: taken_on, CALLER: caller}
        if caller.rate is not None:
            found[2].update(self._rates.headers(caller.rate))
        return found

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

    def _find_answer(self, path: str, taken_on: TakenOn) -> _Found | None:
        job = taken_on.job
        if path == SUBMIT_PATH:
            return _with_etag(*submission_answer(taken_on))
        if job.status is not JobStatus.SUCCEEDED:
            return None
        return 200, orjson.dumps(job_output(job)), answer_headers(taken_on)


def _find_rule(scope: dict[str, Any]) -> str:
    """Return the route of a request that was answered here, as Flask has it."""
    if scope["method"] == "GET":
        return READ_RULE
    return SUBMIT_PATH if scope["path"] == SUBMIT_PATH else PREDICT_RULE


def _with_etag(status: int, document: dict[str, Any], fields: dict[str, str]) -> _Found:
    answer = orjson.dumps(document)
    return status, answer, fields | {"ETag": quote_etag(generate_etag(answer))}


def _is_conditional(raw: Headers) -> bool:
    """Say whether a client wants an answer only if it is another than it has."""
    return any(name.startswith(b"if-") for name, _ in raw)


def _read_headers(raw: Headers) -> dict[str, str]:
    """Return the headers that matter here; one that comes twice is joined, as WSGI has it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name = _NAMES.get(raw_name)
        if name is not None:
            value = raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _encode(fields: dict[str, str]) -> Headers:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
