"""How a job is written in its record: JSON texts inside a Redis hash. Times as decimal seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.errors import FieldNote
from shared.jobs import BatchStep, Job, JobError, JobSpec, JobStatus, ModelRef, Outcome, QueueState, StepKind
from shared.queues import Lane
from shared.unreadable import MISSHAPEN, RecordUnreadable
from shared.values import value
from shared.webhooks import JUST_ENDED, Delivery, DeliveryErrorCode, DeliveryStatus

#: A time, and what is added to it, must stay within Python's calendar, which ends with the year 9999.
LONGEST_SECONDS = 100_000_000_000


def encode_spec(spec: JobSpec) -> bytes:
    extras = encode_extras(spec)
    # First, because the scripts of the store look for a webhook there.
    fields: dict[str, Any] = {"extras": extras} if extras else {}
    fields |= {
        "id": spec.id,
        "lane": spec.lane,
        "model": [spec.model.name, spec.model.version, spec.model.sha256],
        "single": spec.is_single,
        "warnings": [note.to_dict() for note in spec.warnings],
        "deadline": spec.deadline_seconds,
        "reply_to": spec.reply_to,
        "max_attempts": spec.max_attempts,
        "step": spec.step,
    }
    if spec.owner:
        # Only then, because it would be a part of every record.
        fields["owner"] = spec.owner
    # Last, so that a script can cut them off.
    fields["rows"] = spec.rows
    return orjson.dumps(fields)


def encode_extras(spec: JobSpec) -> dict[str, Any]:
    """Return what few jobs have."""
    if not (spec.webhook_url or spec.metadata or spec.client_id) and spec.retain_seconds is None:
        return {}
    given = {
        # First, because the scripts of the store look for them there, and only there.
        "webhook_url": spec.webhook_url or None,
        "client_id": spec.client_id,
        "retain": spec.retain_seconds,
        "metadata": dict(spec.metadata) or None,
    }
    return {name: value for name, value in given.items() if value is not None}


def decode_extras(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a spec that `encode_extras` wrote."""
    return {
        "webhook_url": extras.get("webhook_url", ""),
        "retain_seconds": extras.get("retain"),
        "metadata": extras.get("metadata", {}),
        "client_id": extras.get("client_id"),
    }


def decode_spec(text: bytes) -> JobSpec:
    """Read a spec; raises one of MISSHAPEN."""
    fields = orjson.loads(text)
    # Whoever works with these would find out too late, among the jobs of others.
    if not (type(fields["id"]) is type(fields["reply_to"]) is str and type(fields.get("rows", [])) is list):
        raise TypeError("id, reply_to or rows")
    if not (0 <= fields["deadline"] <= LONGEST_SECONDS and type(fields["max_attempts"]) is int):
        raise ValueError("deadline or max_attempts")
    return JobSpec(
        id=fields["id"],
        lane=Lane(fields["lane"]),
        model=ModelRef(*fields["model"]),
        # A list of jobs, and a job of which nothing is kept, are without.
        rows=fields.get("rows", []),
        is_single=fields["single"],
        warnings=_decode_notes(fields["warnings"]),
        deadline_seconds=fields["deadline"],
        reply_to=fields["reply_to"],
        max_attempts=fields["max_attempts"],
        step=decode_step(fields["step"]) if fields["step"] else None,
        owner=fields.get("owner", ""),
        **decode_extras(fields.get("extras", {})),
    )


def decode_step(fields: Mapping[str, Any]) -> BatchStep:
    return BatchStep(fields["batch_id"], StepKind(fields["kind"]), fields["index"])


def encode_outcome(outcome: Outcome) -> bytes:
    error = outcome.error
    return orjson.dumps(
        {
            "predictions": outcome.predictions,
            "error": error and [error.code, error.detail, [note.to_dict() for note in error.errors]],
            "batch_rows": outcome.batch_rows,
            "predict_seconds": outcome.predict_seconds,
        }
    )


def _read_outcome(status: JobStatus, fields: Mapping[str, Any]) -> Outcome:
    error = fields["error"]
    return Outcome(
        status=status,
        predictions=fields["predictions"],
        error=JobError(error[0], error[1], _decode_notes(error[2])) if error else None,
        batch_rows=fields["batch_rows"],
        predict_seconds=fields["predict_seconds"],
    )


def _decode_notes(notes: Sequence[Mapping[str, Any]]) -> tuple[FieldNote, ...]:
    return tuple(FieldNote(**note) for note in notes)


def read_job(job_id: str, record: Mapping[bytes, bytes], queue: QueueState | None = None) -> Job:
    """Return the job as its record has it; raises RecordUnreadable."""
    try:
        return decode_job(record, queue)
    except MISSHAPEN:
        # Without its cause, whose text may quote the record.
        raise RecordUnreadable(f"the record of job {job_id} cannot be read") from None


def decode_job(record: Mapping[bytes, bytes], queue: QueueState | None) -> Job:
    """Read a record; raises one of MISSHAPEN."""
    status = JobStatus(record[b"status"].decode())
    outcome = record.get(b"outcome")
    return Job(
        spec=decode_spec(record[b"spec"]),
        status=status,
        attempt=int(record[b"attempt"]),
        created_at=read_seconds(record[b"created"]),
        started_at=_find_seconds(record, b"started"),
        completed_at=_find_seconds(record, b"completed"),
        expires_at=_find_seconds(record, b"expires"),
        cancel_requested=b"cancel" in record,
        outcome=_read_outcome(status, orjson.loads(outcome)) if outcome is not None else None,
        queue=queue if status is JobStatus.QUEUED else None,
        redriven_as=record[b"redriven_as"].decode() if b"redriven_as" in record else None,
        retries=int(record.get(b"retries", 0)),
        retried_at=_find_seconds(record, b"retried"),
        delivery=find_delivery(record),
    )


def find_delivery(record: Mapping[bytes, bytes]) -> Delivery | None:
    """Return how far the message about the end of a job or batch has come."""
    text = record.get(b"delivery")
    if text is None:
        return None
    fields = orjson.loads(text)
    error = fields.get("last_error")
    return Delivery(
        DeliveryStatus(fields["status"]),
        fields["attempts"],
        fields.get("last_status"),
        DeliveryErrorCode(error) if error else None,
        fields.get("next_attempt_at"),
    )


@value
class JobEnd:
    """How a job ended, as its API process is told."""

    id: str
    status: JobStatus
    attempt: int
    created_at: float
    started_at: float | None
    completed_at: float
    expires_at: float
    cancel_requested: bool
    outcome: Outcome

    def job(self, spec: JobSpec, *, retries: int = 0, retried_at: float | None = None) -> Job:
        """Return the job as its record has it."""
        return Job(
            spec,
            self.status,
            self.attempt,
            self.created_at,
            self.started_at,
            self.completed_at,
            self.expires_at,
            self.cancel_requested,
            self.outcome,
            retries=retries,
            retried_at=retried_at,
            delivery=JUST_ENDED if spec.webhook_url else None,
        )


def decode_ends(text: bytes) -> dict[str, JobEnd | None]:
    """Read what a script tells an API process, by job id; None for an outcome that is too large to be told."""
    return {fields[0]: _decode_end(*fields) for fields in orjson.loads(text)}


def _decode_end(job_id: str, status: str, *facts: Any) -> JobEnd | None:
    attempt, created_at, started_at, completed_at, expires_at, cancel_requested, outcome = facts
    if outcome is None:
        return None
    known = JobStatus(status)
    return JobEnd(
        id=job_id,
        status=known,
        attempt=attempt,
        created_at=created_at,
        started_at=started_at,
        completed_at=completed_at,
        expires_at=expires_at,
        cancel_requested=cancel_requested,
        outcome=_read_outcome(known, outcome),
    )


def _find_seconds(record: Mapping[bytes, bytes], field: bytes) -> float | None:
    text = record.get(field)
    return read_seconds(text) if text is not None else None


def read_seconds(text: bytes) -> float:
    """Read a time, or a number of seconds; raises ValueError."""
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise ValueError("no time of ours")
    return seconds


def seconds_per_job(workers: int, busy: bytes, jobs: bytes) -> float | None:
    """Return after how many seconds a lane ends one job more; None while no worker has shown its speed.

    busy, jobs: seconds that workers took, and the jobs that they took them for. workers: those alive.
    """
    return float(busy) / float(jobs) / workers if workers and jobs and float(jobs) > 0 else None


def queue_state(position: int, each: float | None) -> QueueState:
    """Return where a job stands; each: what `seconds_per_job` says of its lane."""
    return QueueState(position, None if each is None else round((position + 1) * each, 3))
