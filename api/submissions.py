"""From a request body to an accepted job: read, check, accept, send."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType

from api.callers import Caller
from api.flag import Flag
from api.group_commit import GroupCommit, Ticket
from api.ids import JobIds
from api.rate_limits import RateLimits
from api.served_models import RequestedModel, ServedModels
from api.terms import USUAL, Terms, read_metadata, read_retain_for
from shared.errors import FieldErrorCode, FieldNote, InputInvalid, RequestMalformed
from shared.feature_schema import unknown_fields
from shared.jobs import Job, JobSpec, Row
from shared.queues import Lane
from shared.settings import Settings
from shared.values import value

#: Most errors and warnings that one answer names.
NAMED_NOTES = 100

#: Most arrays and objects inside each other. Nothing that is asked for here has more than four.
MAX_JSON_DEPTH = 32

_BODY_FIELDS = {"model", "version", "input", "retain_for", "metadata", "webhook"}


@value
class Envelope:
    """The body of a request for a new job."""

    model: str | None
    version: str | None
    input: object
    terms: Terms


@value
class CheckedInput:
    """Input that fits its model."""

    rows: list[Row]
    is_single: bool
    warnings: tuple[FieldNote, ...]


def read_json(request: Request) -> Any:
    """Return the JSON body; raises UnsupportedMediaType, RequestMalformed or InputInvalid.

    NaN and Infinity are no JSON.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    body = _read_body(request)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise UnsupportedMediaType("Send the JSON as it is, without Content-Encoding.") from error
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestMalformed(f"The body is not JSON: {error.msg} ({where}).") from error
    if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_deeper(document, MAX_JSON_DEPTH):
        detail = f"send at most {MAX_JSON_DEPTH} arrays and objects inside each other"
        raise InputInvalid([FieldNote("", FieldErrorCode.TOO_DEEP, detail)])
    return document


def _is_deeper(document: Any, levels: int) -> bool:
    """Say whether there are more containers inside each other than these."""
    layer = [document]
    for _ in range(levels):
        containers = [node for node in layer if isinstance(node, dict | list)]
        layer = [item for node in containers for item in (node.values() if isinstance(node, dict) else node)]
    return any(isinstance(node, dict | list) for node in layer)


def _read_body(request: Request) -> bytes:
    """Return the body; one of a known length in a single read, because each lets another thread run."""
    most = request.max_content_length or 0
    length = request.content_length
    if length is not None and length > most:
        raise RequestEntityTooLarge
    # Werkzeug cuts a body without a length where it gets too large, so one byte more is asked for.
    wanted = most + 1 if length is None else length
    stream = request.environ["wsgi.input"]
    body: bytes = stream.read(wanted)
    while len(body) < wanted and (more := stream.read(wanted - len(body))):
        body += more
    if length is None and len(body) > most:
        raise RequestEntityTooLarge
    if length is not None and len(body) < length:
        raise ClientDisconnected
    return body


def read_envelope(body: object, *, longest_retention: int) -> Envelope:
    """Read the body of `POST /v1/predictions`; raises InputInvalid."""
    if not isinstance(body, dict):
        detail = 'send an object such as {"input": {…}}'
        raise InputInvalid([FieldNote("", FieldErrorCode.WRONG_TYPE, detail)])
    errors = unknown_fields(body, _BODY_FIELDS, pointer="", what="there is no field")
    errors += [
        FieldNote(f"/{name}", FieldErrorCode.WRONG_TYPE, "send a string, or leave it out")
        for name in ("model", "version")
        if not isinstance(body.get(name), str | None)
    ]
    if "input" not in body:
        errors.append(FieldNote("/input", FieldErrorCode.MISSING_VALUE, "send a record, or an array of records"))
    terms = _read_terms(body, longest_retention, errors)
    if errors:
        raise InputInvalid(errors[:NAMED_NOTES])
    return Envelope(body.get("model"), body.get("version"), body["input"], terms)


def _read_terms(body: Mapping[str, object], longest_retention: int, errors: list[FieldNote]) -> Terms:
    if "retain_for" not in body and "metadata" not in body:
        return USUAL
    return Terms(
        read_retain_for(body.get("retain_for"), longest=longest_retention, errors=errors),
        read_metadata(body.get("metadata"), errors),
    )


def check_input(model: RequestedModel, records: object, *, pointer: str, max_rows: int) -> CheckedInput:
    """Check one record or an array of them against the model; raises InputInvalid with every bad field."""
    is_single = not isinstance(records, list)
    listed: list[object] = [records] if not isinstance(records, list) else records
    if not 1 <= len(listed) <= max_rows:
        detail = f"send 1 to {max_rows} records in one job, not {len(listed)}; split a larger input"
        raise InputInvalid([FieldNote(pointer, FieldErrorCode.ROW_COUNT, detail)])
    rows: list[Row] = []
    errors: list[FieldNote] = []
    warnings: list[FieldNote] = []
    for number, record in enumerate(listed):
        row, row_errors, row_warnings = model.schema.check(record, "" if is_single else f"/{number}")
        rows.append(row)
        errors += row_errors
        warnings += row_warnings
        if len(errors) >= NAMED_NOTES:
            break
    if errors:
        raise InputInvalid([replace(note, pointer=pointer + note.pointer) for note in errors[:NAMED_NOTES]])
    return CheckedInput(rows, is_single, tuple(warnings[:NAMED_NOTES]))


@value
class PreparedJob:
    """A job that nothing was promised of yet."""

    spec: JobSpec
    #: Bytes of its rows in a message.
    size_bytes: int


class Submissions:
    """Makes jobs of requests, and has them accepted."""

    def __init__(
        self, group: GroupCommit, models: ServedModels, ids: JobIds, rates: RateLimits, settings: Settings
    ) -> None:
        self._group = group
        self._rates = rates
        self._models = models
        self._ids = ids
        self._max_rows = settings.max_rows
        self._max_attempts = settings.max_attempts

    def never_block(self) -> bool:
        """Say whether `prepare` and `add` would ask the store nothing, just now."""
        return self._models.is_at_hand() and self._ids.is_ready()

    def prepare(
        self,
        records: object,
        *,
        name: str | None,
        version: str | None,
        pointer: str,
        deadline_seconds: float,
        reply_to: str,
        caller: Caller,
        terms: Terms = USUAL,
    ) -> PreparedJob:
        """Check the input and give the job its id; nothing is promised yet.

        Raises InputInvalid, ModelNotFound, NoModelServed or StoreUnavailable.
        """
        model = self._models.get(name, version)
        checked = check_input(model, records, pointer=pointer, max_rows=self._max_rows)
        spec = JobSpec(
            id=terms.record_id or self._ids.new(owner=caller.owner),
            lane=Lane.INTERACTIVE,
            model=model.ref,
            rows=checked.rows,
            is_single=checked.is_single,
            warnings=checked.warnings,
            deadline_seconds=deadline_seconds,
            reply_to=reply_to,
            max_attempts=self._max_attempts,
            owner=caller.owner,
            retain_seconds=terms.retain_seconds,
            metadata=terms.metadata,
            client_id=terms.client_id,
            once=terms.once,
            webhook_url=terms.webhook_url,
            rate=caller.rate,
            patience_seconds=terms.patience_seconds,
        )
        return PreparedJob(spec, size_bytes=len(orjson.dumps(checked.rows)))

    def add(self, prepared: PreparedJob, *, result: Flag | None = None) -> Ticket:
        """Let the job be accepted; after it, it is promised.

        result: raised when the job has its end, if this request waits for it.
        The ticket raises StoreUnavailable, StoreFull, Overloaded, RateLimited or AcceptedBefore, and then nothing was
        promised. A message that cannot be sent is no error: the sweeper sends it.
        """
        spec = prepared.spec
        if spec.rate is not None and spec.once is None:
            # Only the store knows whether an idempotency key stands for a job already, which is always told.
            self._rates.require(spec.rate)
        return self._group.add(spec, size_bytes=prepared.size_bytes, result=result)

    def add_alone(self, prepared: PreparedJob) -> Job:
        """Have the job accepted at once, without the others; raises what the ticket of `add` does."""
        return self._group.accept_alone(prepared.spec)
