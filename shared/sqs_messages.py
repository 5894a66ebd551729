"""What a message on SQS says besides: enough to write a record again that the store has lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.errors import FieldNote
from shared.job_records import decode_extras, encode_extras
from shared.jobs import JobSpec, ModelRef
from shared.messages import PredictMessage, StepMessage, find_task, unusable
from shared.queues import Lane, TaskName
from shared.unreadable import MISSHAPEN


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the jobs of a message come from. Absent on Redis: what loses the records there loses the messages too."""

    #: When the message was enqueued, by the store's clock; each of its jobs had a record then, and was not final.
    sent_at: float
    #: The jobs as they were accepted; none in a message that is too large to carry them.
    specs: Sequence[JobSpec]

    @classmethod
    def find(cls, message: Mapping[str, Any]) -> Self | None:
        """Read the keyword arguments of a task; None where they have no origin. Raises MessageUnreadable."""
        origin = message.get("origin")
        if origin is None:
            return None
        try:
            return cls(origin["at"], [_decode(job_id, message, origin) for job_id in origin["jobs"]])
        except MISSHAPEN as error:
            raise unusable(error) from error


def encode_message(specs: Sequence[JobSpec], *, sent_at: float) -> tuple[TaskName, dict[str, Any]]:
    """Return the task that takes these jobs, and its arguments with their origin."""
    task, arguments = find_task(specs)
    return task, arguments | {"origin": _encode(specs, sent_at)}


def encode_reference(spec: JobSpec, *, sent_at: float) -> tuple[TaskName, dict[str, Any]]:
    """Return the same for a job whose rows are too large for a message: the worker reads them from its record."""
    message = PredictMessage(spec.model.key, spec.lane, {spec.id: []})
    return TaskName.PREDICT, message.encode() | {"origin": _encode([], sent_at)}


def _encode(specs: Sequence[JobSpec], sent_at: float) -> dict[str, Any]:
    model = specs[0].model if specs else None
    return {
        "at": sent_at,
        # Once for all of them: a message may hold hundreds of jobs.
        "model": model and [model.name, model.version, model.sha256],
        "jobs": {
            spec.id: [
                spec.is_single,
                spec.deadline_seconds,
                spec.max_attempts,
                spec.reply_to,
                [note.to_dict() for note in spec.warnings],
                spec.owner,
                encode_extras(spec),
            ]
            for spec in specs
        },
    }


def _decode(job_id: str, message: Mapping[str, Any], origin: Mapping[str, Any]) -> JobSpec:
    is_single, deadline_seconds, max_attempts, reply_to, warnings, *rest = origin["jobs"][job_id]
    # A message of the release before has neither.
    owner, extras = rest or ("", {})
    is_step = "step" in message
    return JobSpec(
        id=job_id,
        lane=Lane.BULK if is_step else Lane(message["lane"]),
        model=ModelRef(*origin["model"]),
        rows=[] if is_step else message["rows"][job_id],
        is_single=is_single,
        warnings=tuple(FieldNote(**note) for note in warnings),
        deadline_seconds=deadline_seconds,
        max_attempts=max_attempts,
        step=StepMessage.decode(message).step if is_step else None,
        reply_to=reply_to,
        owner=owner,
        **decode_extras(extras),
    )
