"""What crosses a queue, versioned: encode and decode.

A message is a hint that carries the rows; the job's record is the truth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.jobs import BatchStep, JobSpec, Row, StepKind
from shared.queues import Lane, TaskName
from shared.unreadable import MISSHAPEN

MESSAGE_VERSION = 1
#: Header with the time, by the store's clock, at which a message was enqueued: the sweeper reads it.
ENQUEUED_AT = "enqueued_at"


#: Names that an error may tell: ours. All else in a message belongs to whoever sent it, and must not get into a log.
_FIELDS = frozenset({"model", "lane", "rows", "job", "step", "at", "jobs"})


class MessageUnreadable(Exception):
    """Raised when a message is not of a version or shape that this process knows; it quotes nothing of the message."""


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
        except MISSHAPEN as error:
            raise unusable(error) from error


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
        except MISSHAPEN as error:
            raise unusable(error) from error


def find_task(specs: Sequence[JobSpec]) -> tuple[TaskName, dict[str, Any]]:
    """Return the task that takes these jobs, and its arguments.

    specs: jobs that share model version and lane, or one step of a batch.
    """
    step = specs[0].step
    if step is None:
        return TaskName.PREDICT, PredictMessage.of(specs).encode()
    (spec,) = specs
    return TaskName.BATCH_STEP, StepMessage(spec.id, step).encode()


def unusable(error: Exception) -> MessageUnreadable:
    """Return what to raise for one of MISSHAPEN."""
    is_missing = isinstance(error, KeyError) and error.args[0] in _FIELDS
    return MessageUnreadable(f"message without a usable {error.args[0] if is_missing else type(error).__name__}")


def _require_version(message: Mapping[str, Any]) -> None:
    version = message.get("v")
    if version != MESSAGE_VERSION:
        shown = version if isinstance(version, int | None) else f"of type {type(version).__name__}"
        raise MessageUnreadable(f"message version {shown}, this worker reads {MESSAGE_VERSION}")
