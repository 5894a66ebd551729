"""What clients see of jobs and models: the documents of the contract."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from flask import Response

from shared.jobs import Job
from shared.manifest import ModelManifest
from shared.registry import ServedModel
from shared.webhooks import Delivery

if TYPE_CHECKING:
    # They exist for type checkers only.
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: Bounds of Retry-After for a job that is not final, in seconds.
RETRY_AFTER_RANGE = (1, 30)


class JsonResponse(Response):
    """A whole answer that is in memory.

    Goes to the server as it is: werkzeug would look through its headers once more, and wrap its body in an iterator
    that the server takes piece by piece.
    """

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD" or self.status_code == 304:
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return [self.get_data()]


def json_response(document: object, status: int = 200, headers: Any = None) -> Response:
    return JsonResponse(orjson.dumps(document), status, headers, content_type="application/json")


def job_url(job_id: str) -> str:
    return f"/v1/predictions/{job_id}"


def job_document(job: Job) -> dict[str, Any]:
    """Return the job as `GET /v1/predictions/{id}` shows it."""
    spec = job.spec
    url = job_url(spec.shown_id)
    return {
        "id": spec.shown_id,
        "object": "prediction",
        "status": job.status.value,
        "model": {"name": spec.model.name, "version": spec.model.version, "sha256": spec.model.sha256},
        "queue": job.queue and {"position": job.queue.position, "eta_seconds": job.queue.eta_seconds},
        "attempt": job.attempt,
        "cancel_requested": job.cancel_requested,
        "created_at": show_time(job.created_at),
        "deadline_at": show_time(job.deadline),
        "started_at": show_time(job.started_at),
        "completed_at": show_time(job.completed_at),
        "expires_at": show_time(job.expires_at),
        "retries": job.retries,
        "retain_for": spec.retain_seconds,
        "metadata": spec.metadata,
        "output": job_output(job),
        "error": error_document(job),
        "redriven_as": job.redriven_as,
        "webhook_status": job.delivery.status.value if job.delivery and job.status.is_final else None,
        "webhook": webhook_document(spec.webhook_url, job.delivery) if spec.webhook_url else None,
        "warnings": [replace(note, pointer=f"/input{note.pointer}").to_dict() for note in spec.warnings],
        "urls": {"get": url, "cancel": f"{url}/cancel", "retry": f"{url}/retry", "events": f"{url}/events"},
    }


def listed_document(job: Job) -> dict[str, Any]:
    """Return the job as `GET /v1/predictions` lists it: without what may be long."""
    document = job_document(job)
    for name in ("queue", "output", "warnings"):
        del document[name]
    return document


def webhook_document(url: str, delivery: Delivery | None) -> dict[str, Any]:
    """Return how far the message about the last end has come, and where it goes."""
    return {
        "url": url,
        "attempts": delivery.attempts if delivery else 0,
        "last_status": delivery and delivery.last_status,
        "last_error": delivery and delivery.last_error,
        "next_attempt_at": show_time(delivery.next_attempt_at) if delivery else None,
    }


def job_output(job: Job) -> Any:
    """Return one prediction or an array of them, as the input was; None unless the job succeeded."""
    if job.outcome is None or job.outcome.predictions is None:
        return None
    return job.outcome.predictions[0] if job.spec.is_single else job.outcome.predictions


def error_document(job: Job) -> dict[str, Any] | None:
    if job.outcome is None or job.outcome.error is None:
        return None
    error = job.outcome.error
    return {"code": error.code, "detail": error.detail, "errors": row_notes(job, base="/input")}


def row_notes(job: Job, *, base: str) -> list[dict[str, str]]:
    """Return what the worker says of single rows; base: pointer to the input in the client's body."""
    if job.outcome is None or job.outcome.error is None:
        return []
    notes = job.outcome.error.errors
    if job.spec.is_single:
        return [replace(note, pointer=base).to_dict() for note in notes]
    return [replace(note, pointer=base + note.pointer).to_dict() for note in notes]


def show_time(seconds: float | None) -> str | None:
    """Return RFC 3339 in UTC, to the microsecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def job_headers(job: Job) -> dict[str, str]:
    """Return Retry-After while the job is not final, and Server-Timing once a worker has finished it."""
    if not job.status.is_final:
        return {"Retry-After": str(_retry_after(job))}
    if job.outcome is None or job.started_at is None or not job.outcome.batch_rows:
        return {}
    queue = (job.started_at - job.queued_at) * 1e3
    predict = job.outcome.predict_seconds * 1e3
    return {"Server-Timing": f'queue;dur={queue:.1f}, predict;dur={predict:.1f}, batch;desc="{job.outcome.batch_rows}"'}


def _retry_after(job: Job) -> int:
    least, most = RETRY_AFTER_RANGE
    eta = job.queue.eta_seconds if job.queue else None
    return min(max(math.ceil(eta or 0), least), most)


def model_document(manifest: ModelManifest, versions: Sequence[ServedModel]) -> dict[str, Any]:
    """Return one model as `GET /v1/models/{name}` shows it: its present version, and which others there are."""
    return {
        "object": "model",
        "name": manifest.name,
        "version": manifest.version,
        "versions": [model.manifest.version for model in versions],
        "ready": any(model.is_ready and model.manifest.version == manifest.version for model in versions),
        "sha256": manifest.artifact.sha256,
        "description": manifest.description,
        "features": [
            feature.model_dump(mode="json", exclude={"lookalikes", "maximum_length"}) for feature in manifest.features
        ],
        "classes": manifest.classes,
        "metrics": manifest.metrics,
    }
