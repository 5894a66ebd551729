"""Every error becomes an `application/problem+json` document (RFC 9457) here, and nowhere else."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType

from api.refusals import ComeBackLater, Overloaded, RateLimited, RequestTooSlow
from api.representations import row_notes
from shared.errors import (
    BatchGone,
    BatchNotFound,
    BatchNotMendable,
    BrokerUnavailable,
    DependencyError,
    FileMissing,
    FileStoreFull,
    FileStoreUnavailable,
    FileTooLarge,
    IdempotencyKeyReused,
    IdTaken,
    InputInvalid,
    JobAlreadyFinal,
    JobGone,
    JobNotFound,
    JobNotRetryable,
    KeyNotFound,
    KeyRequired,
    ModelNotFound,
    NoModelServed,
    NoPlaceToWait,
    NotInQuarantine,
    NotReplicated,
    NoWebhookMessage,
    RequestMalformed,
    ScopeMissing,
    ServiceError,
    StoreFull,
    StoreUnavailable,
    UploadNotResumable,
    WaitTimedOut,
)
from shared.job_errors import JobErrorCode
from shared.jobs import Job

log = logging.getLogger(__name__)

#: HTTP status of each of our exceptions that may reach a client.
STATUS_OF: Mapping[type[ServiceError], int] = {
    RequestMalformed: 400,
    UploadNotResumable: 400,
    KeyRequired: 401,
    ScopeMissing: 403,
    KeyNotFound: 404,
    ModelNotFound: 404,
    JobNotFound: 404,
    RequestTooSlow: 408,
    JobAlreadyFinal: 409,
    JobNotRetryable: 409,
    IdTaken: 409,
    BatchNotFound: 404,
    NotInQuarantine: 404,
    NoWebhookMessage: 409,
    BatchNotMendable: 409,
    JobGone: 410,
    BatchGone: 410,
    FileTooLarge: 413,
    InputInvalid: 422,
    IdempotencyKeyReused: 422,
    Overloaded: 429,
    RateLimited: 429,
    StoreUnavailable: 503,
    StoreFull: 503,
    NotReplicated: 503,
    NoPlaceToWait: 503,
    BrokerUnavailable: 503,
    FileStoreUnavailable: 503,
    FileStoreFull: 503,
    FileMissing: 503,
    NoModelServed: 503,
    WaitTimedOut: 504,
}

#: HTTP status of a job that did not succeed, for callers who asked for the bare output.
STATUS_OF_JOB_ERROR: Mapping[str, int] = {
    JobErrorCode.PREDICTION_FAILED: 422,
    JobErrorCode.OUTPUT_INVALID: 422,
    JobErrorCode.CANCELED: 409,
    JobErrorCode.WORKER_DIED: 500,
    JobErrorCode.MODEL_UNAVAILABLE: 503,
    JobErrorCode.DEADLINE_PASSED: 504,
}

#: Codes and advice of errors that the web framework finds before our code runs.
FRAMEWORK_PROBLEMS: Mapping[int, tuple[str, str]] = {
    400: ("malformed_request", "The request cannot be read."),
    404: ("not_found", "There is nothing under this path; /docs lists what there is."),
    405: ("method_not_allowed", "This path does not take this method; the Allow header names those it takes."),
    413: ("body_too_large", "The request body is larger than this service takes; send fewer rows."),
    416: ("range_not_satisfiable", "The file has no bytes in this range; Content-Range names its size."),
    415: ("unsupported_media_type", "Send a JSON body with the header Content-Type: application/json."),
}

#: Those that some of our paths raise with words of their own.
_WITH_OWN_WORDS = (RequestEntityTooLarge, UnsupportedMediaType)

#: What a client should wait before it tries again a request that met an outage.
RETRY_AFTER_SECONDS = 2

TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Not authorized",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Request time-out",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
    504: "Time-out",
}


def problem_response(
    status: int, code: str, detail: str, *, retryable: bool = False, headers: Any = None, **members: Any
) -> Response:
    """Return a problem document; `error` repeats the detail for Open Inference clients, which read only that."""
    # Counted once the request is answered.
    g.problem_code = code
    document = {
        "type": f"urn:rowcall:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": g.request_id,
        "retryable": retryable,
        "error": detail,
        **members,
    }
    return Response(orjson.dumps(document), status, headers, content_type="application/problem+json")


def job_problem(job: Job, headers: Mapping[str, str]) -> Response:
    """Return the problem of a job that ended without a prediction."""
    assert job.outcome is not None
    assert job.outcome.error is not None
    error = job.outcome.error
    # A worker of a later release may know more codes.
    status = STATUS_OF_JOB_ERROR.get(error.code, 500)
    notes = row_notes(job, base="")
    retryable = status >= 503
    if retryable:
        headers = {**headers, "Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem_response(
        status, error.code, error.detail, retryable=retryable, headers=headers, errors=notes, job_id=job.id
    )


def register_problems(app: Flask) -> None:
    """Answer every exception of a request with a problem document."""

    @app.errorhandler(ServiceError)
    def answer_service_error(error: ServiceError) -> Response:
        status = STATUS_OF.get(type(error))
        if status is None:
            return answer_defect(error)
        members: dict[str, Any] = {}
        if isinstance(error, InputInvalid):
            members["errors"] = [note.to_dict() for note in error.errors]
        if isinstance(error, DependencyError):
            log.error("dependency unavailable", extra={"code": error.code, "request_id": g.request_id})
        return problem_response(
            status, error.code, error.detail, retryable=error.retryable, headers=_error_headers(error), **members
        )

    @app.errorhandler(HTTPException)
    def answer_http_exception(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return Response(error.get_body(), status, error.get_headers())
        code, detail = FRAMEWORK_PROBLEMS.get(status, ("http_error", error.description or "The request failed."))
        if isinstance(error, _WITH_OWN_WORDS) and error.description != type(error).description:
            # Ours: it says what this path takes.
            detail = error.description or detail
        headers = [pair for pair in error.get_headers() if pair[0] in ("Allow", "Retry-After", "Content-Range")]
        return problem_response(status, code, detail, headers=headers)

    @app.errorhandler(Exception)
    def answer_defect(error: Exception) -> Response:
        log.error("request failed on a defect", exc_info=error, extra={"request_id": g.request_id})
        detail = "This is a defect of the service, not of your request; the log has it under the request id."
        return problem_response(500, "internal_error", detail)


def _error_headers(error: ServiceError) -> dict[str, str]:
    if isinstance(error, DependencyError | NoPlaceToWait):
        return {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, ComeBackLater):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, KeyRequired):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, ScopeMissing):
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{error.scope}"'}
    return {}
