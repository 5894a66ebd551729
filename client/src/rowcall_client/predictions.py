"""The server's job document as frozen records, decoded once at the edge; no HTTP here.

Unknown members are ignored, so that an older client understands a newer server.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

#: One JSON object of the server. `Any` because only the `decode` functions below know its members.
Document = Mapping[str, Any]
#: One row as a caller writes it: feature name to value.
Row = Mapping[str, float | int | str | None]


class Status(StrEnum):
    """How far a job has come."""

    #: Accepted, and waiting for a worker.
    QUEUED = "queued"
    #: A worker has it.
    RUNNING = "running"
    #: Final: every row has its prediction.
    SUCCEEDED = "succeeded"
    #: Final: there is no output, and the error says why.
    FAILED = "failed"
    #: Final: the client asked for this.
    CANCELED = "canceled"
    #: Final: its deadline passed before it was finished.
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether the status can no longer change."""
        return self not in {Status.QUEUED, Status.RUNNING}


@dataclass(frozen=True, slots=True)
class FieldNote:
    """One refused or doubtful value: where it is, what it is, and how to mend it."""

    #: JSON pointer into the request body, such as `/input/3/height`.
    pointer: str
    #: Stable name of the reason.
    code: str
    #: The reason as a sentence for people.
    detail: str

    @classmethod
    def decode(cls, document: Document) -> "FieldNote":
        """Read one member of an `errors` or `warnings` array."""
        return cls(
            pointer=str(document.get("pointer", "")),
            code=str(document.get("code", "")),
            detail=str(document.get("detail", "")),
        )

    @property
    def place(self) -> str:
        """The pointer in plain words: `height`, `row 4, height`, `row 4`, or nothing for the whole body.

        Rows count from 1, while the pointer counts them from 0. A column of a file is called by its feature.
        """
        steps = [step.replace("~1", "/").replace("~0", "~") for step in self.pointer.split("/")[1:]]
        if steps[:1] in (["input"], ["columns"]):
            steps = steps[1:]
        if steps and steps[0].isdecimal():
            steps[0] = f"row {int(steps[0]) + 1}"
        return ", ".join(steps)


@dataclass(frozen=True, slots=True)
class RowOutput:
    """What the model answered for one row."""

    #: The class of a classifier, or the number of a regression.
    prediction: str | float | int | bool
    #: Class to probability, 0 to 1; None when the model gives none.
    probabilities: Mapping[str, float] | None = None

    @classmethod
    def decode(cls, document: Document) -> "RowOutput":
        """Read one output object."""
        return cls(prediction=document["prediction"], probabilities=document.get("probabilities"))


@dataclass(frozen=True, slots=True)
class ModelReference:
    """Which model version a job is for."""

    name: str
    version: str
    #: Checksum of the artifact, in hexadecimal digits.
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a queued job stands."""

    #: How many jobs are in front of it.
    position: int | None
    #: The server's estimate until it is finished.
    eta_seconds: float | None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a final job has no output."""

    code: str
    detail: str
    errors: tuple[FieldNote, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """When things happened to a job, and how long they took."""

    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    #: When the server forgets the job.
    expires_at: datetime | None
    #: From accepted to taken by a worker; None until it is known.
    queue_seconds: float | None
    #: From taken by a worker to finished; None until it is known.
    predict_seconds: float | None

    @classmethod
    def decode(cls, document: Document, server_timing: str) -> "Times":
        """Read the time stamps, and the durations of a `Server-Timing` header, which has milliseconds."""
        created_at = find_time(document, "created_at")
        started_at = find_time(document, "started_at")
        completed_at = find_time(document, "completed_at")
        return cls(
            created_at=created_at,
            started_at=started_at,
            completed_at=completed_at,
            expires_at=find_time(document, "expires_at"),
            queue_seconds=find_duration_seconds(server_timing, "queue", created_at, started_at),
            predict_seconds=find_duration_seconds(server_timing, "predict", started_at, completed_at),
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """One job as the server last described it."""

    id: str
    status: Status
    model: ModelReference
    #: One output for one record, a tuple for an array of records, None until succeeded.
    output: RowOutput | tuple[RowOutput, ...] | None
    #: Why there is no output; None unless the server gave a reason.
    error: JobError | None
    #: Values that were accepted but look doubtful.
    warnings: tuple[FieldNote, ...]
    #: None as soon as it no longer waits.
    queue: QueuePlace | None
    #: How many times a worker has begun it.
    attempt: int
    #: What its client wrote on it.
    metadata: Mapping[str, str]
    times: Times
    #: What can be done with it: `get`, `cancel` and perhaps more, to path or address.
    urls: Mapping[str, str]
    #: The whole document, members unknown to this client included.
    raw: Document = field(repr=False, compare=False)
    #: The document as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "", server_timing: str = "") -> "Prediction":
        """Read a job document. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
        queue = document.get("queue")
        error = document.get("error")
        return cls(
            id=str(document["id"]),
            status=Status(document["status"]),
            model=decode_model_reference(document.get("model") or {}),
            output=decode_output(document.get("output")),
            error=decode_job_error(error) if error else None,
            warnings=decode_notes(document.get("warnings")),
            queue=QueuePlace(queue.get("position"), queue.get("eta_seconds")) if queue else None,
            attempt=int(document.get("attempt") or 0),
            metadata=document.get("metadata") or {},
            times=Times.decode(document, server_timing),
            urls=document.get("urls") or {},
            raw=document,
            body=body,
        )

    @property
    def row_outputs(self) -> tuple[RowOutput, ...]:
        """The outputs as a tuple, also for one record; empty until succeeded."""
        if self.output is None:
            return ()
        return self.output if isinstance(self.output, tuple) else (self.output,)


@dataclass(frozen=True, slots=True)
class PredictionPage:
    """Some of the caller's jobs, the newest first, without output and warnings; iterate over it."""

    predictions: tuple[Prediction, ...]
    #: Where the next page begins; None on the last.
    next_cursor: str | None
    #: The list as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "PredictionPage":
        """Read a list document. Raises as `Prediction.decode` does."""
        predictions = tuple(Prediction.decode(job) for job in document["data"])
        return cls(predictions, document.get("next_cursor"), body)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)

    def __len__(self) -> int:
        return len(self.predictions)


def decode_notes(documents: Sequence[Document] | None) -> tuple[FieldNote, ...]:
    """Read an `errors` or `warnings` array, which may be absent."""
    return tuple(FieldNote.decode(document) for document in documents or ())


def decode_model_reference(document: Document) -> ModelReference:
    """Read the `model` member of a job."""
    return ModelReference(
        name=str(document.get("name", "")),
        version=str(document.get("version", "")),
        sha256=str(document.get("sha256", "")),
    )


def decode_output(document: Document | Sequence[Document] | None) -> RowOutput | tuple[RowOutput, ...] | None:
    """Read the `output` member of a job: one object, an array of them, or null."""
    if document is None:
        return None
    if isinstance(document, Mapping):
        return RowOutput.decode(document)
    return tuple(RowOutput.decode(row) for row in document)


def decode_job_error(document: Document) -> JobError:
    """Read the `error` member of a job."""
    return JobError(
        code=str(document.get("code", "")),
        detail=str(document.get("detail", "")),
        errors=decode_notes(document.get("errors")),
    )


def find_time(document: Document, name: str) -> datetime | None:
    """Read one time stamp; None when it has not happened yet."""
    text = document.get(name)
    return datetime.fromisoformat(text) if text else None


def find_duration_seconds(server_timing: str, name: str, begin: datetime | None, end: datetime | None) -> float | None:
    """Read a duration from the `Server-Timing` header, or else from the time stamps around it."""
    match = re.search(rf"\b{name};dur=([0-9.]+)", server_timing)
    if match:
        return float(match[1]) / 1000
    if begin is None or end is None:
        return None
    return (end - begin).total_seconds()
