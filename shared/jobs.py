"""Job, JobStatus and the allowed transitions: pure."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.errors import FieldNote
from shared.queues import Lane
from shared.rates import Rate
from shared.values import value
from shared.webhooks import Delivery


class JobStatus(StrEnum):
    """Where a job is in its life."""

    #: Accepted; no worker holds it.
    QUEUED = "queued"
    #: A worker holds its lease.
    RUNNING = "running"
    #: Final: every row has a prediction.
    SUCCEEDED = "succeeded"
    #: Final: no prediction, and the error says why.
    FAILED = "failed"
    #: Final: the client asked for it.
    CANCELED = "canceled"
    #: Final: its deadline passed before it was finished.
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in (JobStatus.QUEUED, JobStatus.RUNNING)


_FINAL = frozenset(status for status in JobStatus if status.is_final)

#: A final status has no way out: that is the promise.
TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELED, JobStatus.EXPIRED}),
    JobStatus.RUNNING: _FINAL | {JobStatus.QUEUED},
    **{status: frozenset() for status in _FINAL},
}
#: The one exception: its own client takes the answer back by asking for another try. Decision 0016.
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.EXPIRED})

#: One input record as its values in the order of the manifest's features.
Row = list[float | str]
#: One answer: `prediction`, and `probabilities` by class where the model has classes.
Prediction = dict[str, Any]


@value
class ModelRef:
    """The model version that a job was accepted for; a result always cites it."""

    name: str
    version: str
    sha256: str

    @property
    def key(self) -> str:
        return f"{self.name}/{self.version}"


class StepKind(StrEnum):
    """What a job that is a step of a batch does."""

    #: Find where the chunks begin and end.
    SPLIT = "split"
    #: Predict one chunk.
    CHUNK = "chunk"
    #: Predict mended rows, and put them in their places.
    MEND = "mend"


@dataclass(frozen=True, slots=True)
class BatchStep:
    """One piece of work on a batch; its files and its place are in the batch's own record."""

    batch_id: str
    kind: StepKind
    #: Which chunk or mend; 0 for a split.
    index: int = 0


@value
class Once:
    """Which submissions are one and the same job."""

    #: Names the idempotency key and whose it is; empty for a job whose id its client made, which says the same.
    key: str
    #: Hash of what was asked for: two submissions with the same key must be equal.
    digest: str


@value
class JobSpec:
    """What was accepted: it never changes after the 202."""

    id: str
    lane: Lane
    model: ModelRef
    #: 1 to `max_rows` validated rows; none for a step of a batch.
    rows: list[Row]
    #: The input was one record, not an array; the output takes the same shape.
    is_single: bool
    #: Pointers begin at the input, such as `/height` or `/3/height`.
    warnings: tuple[FieldNote, ...] = ()
    #: Seconds from acceptance to the deadline.
    deadline_seconds: float = 86_400.0
    #: Attempts before the job is set aside.
    max_attempts: int = 3
    #: Set for a step of a batch.
    step: BatchStep | None = None
    #: Channel of the API process that asked; it is told when the job is final.
    reply_to: str = ""
    #: Where its client is told that it has ended; empty: nowhere.
    webhook_url: str = ""
    #: Whose job it is: nobody else learns of it. Empty where the API asks for no keys.
    owner: str = ""
    #: Seconds for which the final job is kept; None for as long as any other. 0 keeps nothing.
    retain_seconds: int | None = None
    #: What its client wrote on it, for itself.
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: The id under which its client knows it, if the client made one.
    client_id: str | None = None
    #: Matters at acceptance only, and is no part of the record.
    once: Once | None = field(default=None, compare=False)
    #: What the key that it came with is limited to; the same holds.
    rate: Rate | None = field(default=None, compare=False)
    #: After so long its client waits no longer, and has no use for the answer; None: it comes back for it. As above.
    patience_seconds: float | None = field(default=None, compare=False)

    @property
    def shown_id(self) -> str:
        """The id under which its client knows it."""
        return self.client_id or self.id


@value
class JobError:
    """Why a job has no prediction."""

    code: str
    detail: str
    #: Pointers begin at the array of rows, such as `/3`.
    errors: tuple[FieldNote, ...] = ()


@value
class Outcome:
    """How a job ended: `predictions` (one per row, same order) or `error`, never both."""

    status: JobStatus
    predictions: list[Prediction] | None = None
    error: JobError | None = None
    #: Rows that the model saw in the same call.
    batch_rows: int = 0
    #: Seconds that this call took.
    predict_seconds: float = 0.0


@value
class QueueState:
    """Where a queued job stands in its lane."""

    #: Jobs ahead of it.
    position: int
    #: Expected seconds until it is finished; None while no worker has shown its speed.
    eta_seconds: float | None


@value
class Job:
    """One accepted unit of work as its record has it. Times are seconds since the epoch, by the store's clock."""

    spec: JobSpec
    status: JobStatus
    attempt: int
    created_at: float
    started_at: float | None = None
    completed_at: float | None = None
    #: When the record is deleted; None until final.
    expires_at: float | None = None
    cancel_requested: bool = False
    outcome: Outcome | None = None
    queue: QueueState | None = None
    #: Id of the job that was made of its input when it was taken out of quarantine.
    redriven_as: str | None = None
    #: How far the message about its end has come; None while it is open, and without a webhook.
    delivery: Delivery | None = None
    #: How often its client had it tried again after it had ended, and when that was last.
    retries: int = 0
    retried_at: float | None = None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def queued_at(self) -> float:
        """When its client last asked for it."""
        return self.retried_at or self.created_at

    @property
    def deadline(self) -> float:
        return self.queued_at + self.spec.deadline_seconds


def new_token() -> str:
    """Return a token that tells one claim from every other."""
    return secrets.token_hex(8)
