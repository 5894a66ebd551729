"""What clients see of batches: the document of the contract."""

from typing import Any

from api.representations import show_time, webhook_document
from shared.batch_store import Batch
from shared.batches import BatchSpec, BatchStatus


def batch_url(batch_id: str) -> str:
    return f"/v1/batches/{batch_id}"


def batch_document(batch: Batch) -> dict[str, Any]:
    """Return the batch as `GET /v1/batches/{id}` shows it."""
    spec = batch.spec
    url = batch_url(spec.id)
    speed = _rows_per_second(batch)
    pending = None if batch.rows_total is None else batch.rows_total - batch.rows_done
    return {
        "id": spec.id,
        "object": "batch",
        "status": batch.status.value,
        "outcome": _outcome(batch),
        "counts": {
            "total": batch.rows_total,
            "succeeded": batch.rows_done - batch.rows_failed,
            "failed": batch.rows_failed,
            "pending": pending,
        },
        "percent": round(100 * batch.rows_done / batch.rows_total, 1) if batch.rows_total else 0.0,
        "rows_per_second": None if speed is None else round(speed, 1),
        "eta_seconds": _eta_seconds(batch, speed, pending),
        "errors_by_code": dict(batch.errors_by_code),
        "model": {"name": spec.model.name, "version": spec.model.version, "sha256": spec.model.sha256},
        "columns": _columns(spec),
        "chunks": {"total": batch.chunks_total, "done": batch.chunks_done},
        "formulas": spec.formulas.value,
        "retain_for": spec.retain_seconds,
        "metadata": spec.metadata,
        "webhook_status": batch.delivery.status.value if batch.delivery and batch.status.is_final else None,
        "webhook": webhook_document(spec.webhook_url, batch.delivery) if spec.webhook_url else None,
        "error": batch.error and {"code": batch.error.code, "detail": batch.error.detail},
        "created_at": show_time(batch.created_at),
        "started_at": show_time(batch.started_at),
        "completed_at": show_time(batch.completed_at),
        "expires_at": show_time(batch.expires_at),
        "urls": {"self": url, **{name: f"{url}/{name}" for name in ("results", "errors", "events", "cancel", "retry")}},
    }


def _columns(spec: BatchSpec) -> dict[str, str]:
    """Say which header is which feature."""
    pairs = zip(spec.features, spec.layout.feature_columns, strict=True)
    return {spec.layout.header[column]: feature for feature, column in pairs}


def _outcome(batch: Batch) -> str | None:
    """Say in a word how the rows of a final batch fared."""
    if not batch.status.is_final:
        return None
    if batch.rows_done == 0:
        return "none"
    if batch.rows_failed == batch.rows_done:
        return "all_failed"
    is_whole = batch.status is BatchStatus.COMPLETED and batch.rows_failed == 0
    return "all_succeeded" if is_whole else "partial"


def _rows_per_second(batch: Batch) -> float | None:
    if batch.started_at is None or not batch.rows_done:
        return None
    seconds = (batch.completed_at or batch.read_at) - batch.started_at
    return batch.rows_done / seconds if seconds > 0 else None


def _eta_seconds(batch: Batch, speed: float | None, pending: int | None) -> float | None:
    if batch.status.is_final or not speed or pending is None:
        return None
    return round(pending / speed, 1)
