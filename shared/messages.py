"""What crosses a queue, versioned: encode and decode.

A message is a hint that carries the rows; the job's record is the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.jobs import BatchStep, JobSpec, Row, StepKind
from shared.queues import Lane, TaskName

MESSAGE_VERSION = 1
#: Header with the time, by the store's clock, at which a message was enqueued: the sweeper reads it.
ENQUEUED_AT = "enqueued_at"


class MessageUnreadable(Exception):
    """Raised when a message is not of a version or shape that this process knows."""


@dataclass(frozen=True, slots=True)
class PredictMessage:
    """Jobs of one model version and one lane, to be predicted in one call."""

    model_key: str
    lane: Lane
    #: Rows by job id, in the order in which the jobs were accepted.
    rows: Mapping[str, list[Row]]

    @classmethod
    def of(cls, specs: Sequence[JobSpec]) -> Self:
        """Make the message of one or more jobs that share model version and lane."""
        keys = {(spec.model.key, spec.lane) for spec in specs}
        ((model_key, lane),) = keys
        return cls(model_key, lane, {spec.id: spec.rows for spec in specs})

    def encode(self) -> dict[str, Any]:
        """Return the keyword arguments of the task."""
        return {"v": MESSAGE_VERSION, "model": self.model_key, "lane": self.lane.value, "rows": self.rows}

    @classmethod
    def decode(cls, message: Mapping[str, Any]) -> Self:
        """Read the keyword arguments of a task; raises MessageUnreadable."""
        _require_version(message)
        try:
            return cls(message["model"], Lane(message["lane"]), dict(message["rows"]))
        except (KeyError, TypeError, ValueError) as error:
            raise MessageUnreadable(f"message without a usable {error}") from error


@dataclass(frozen=True, slots=True)
class StepMessage:
    """One step of a batch; everything else about it is in its record."""

    job_id: str
    step: BatchStep

    def encode(self) -> dict[str, Any]:
        """Return the keyword arguments of the task."""
        step = self.step
        return {"v": MESSAGE_VERSION, "job": self.job_id, "step": [step.batch_id, step.kind.value, step.index]}

    @classmethod
    def decode(cls, message: Mapping[str, Any]) -> Self:
        """Read the keyword arguments of a task; raises MessageUnreadable."""
        _require_version(message)
        try:
            batch_id, kind, index = message["step"]
            return cls(message["job"], BatchStep(batch_id, StepKind(kind), index))
        except (KeyError, TypeError, ValueError) as error:
            raise MessageUnreadable(f"message without a usable {error}") from error


def find_task(specs: Sequence[JobSpec]) -> tuple[TaskName, dict[str, Any]]:
    """Return the task that takes these jobs, and its arguments.

    specs: jobs that share model version and lane, or one step of a batch.
    """
    step = specs[0].step
    if step is None:
        return TaskName.PREDICT, PredictMessage.of(specs).encode()
    (spec,) = specs
    return TaskName.BATCH_STEP, StepMessage(spec.id, step).encode()


def _require_version(message: Mapping[str, Any]) -> None:
    if message.get("v") != MESSAGE_VERSION:
        raise MessageUnreadable(f"message version {message.get('v')!r}, this worker reads {MESSAGE_VERSION}")
