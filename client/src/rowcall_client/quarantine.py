"""The server's documents about jobs in quarantine as frozen records, decoded once at the edge; no HTTP here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rowcall_client.predictions import (
    Document,
    JobError,
    ModelReference,
    decode_job_error,
    decode_model_reference,
    find_time,
)


@dataclass(frozen=True, slots=True)
class StepReference:
    """Which step of which batch a job is."""

    batch_id: str
    #: `split`, `chunk` or `mend`.
    kind: str
    index: int


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Which rows of its file a chunk holds."""

    #: Rows count from 1.
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class QuarantinedJob:
    """A job that was set aside, because each worker that took it died."""

    id: str
    model: ModelReference
    #: Rows of its input; None for a step of a batch.
    rows: int | None
    #: None for a prediction.
    step: StepReference | None
    attempt: int
    error: JobError
    created_at: datetime | None
    quarantined_at: datetime | None
    #: When its input is deleted.
    kept_until: datetime | None
    #: A record or an array of them, as it was sent; None in a list, and for a step of a batch.
    input: Any
    #: Which rows of the file; None in a list, and unless it is a chunk.
    span: RowSpan | None
    #: The document as it was sent; empty for a member of a list.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "QuarantinedJob":
        """Read a document. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
        step, chunk = document.get("step"), document.get("chunk")
        return cls(
            id=str(document["id"]),
            model=decode_model_reference(document.get("model") or {}),
            rows=document.get("rows"),
            step=StepReference(str(step["batch_id"]), str(step["kind"]), int(step["index"])) if step else None,
            attempt=int(document.get("attempt") or 0),
            error=decode_job_error(document.get("error") or {}),
            created_at=find_time(document, "created_at"),
            quarantined_at=find_time(document, "quarantined_at"),
            kept_until=find_time(document, "kept_until"),
            input=document.get("input"),
            span=RowSpan(int(chunk["first_row"]), int(chunk["rows"])) if chunk else None,
            body=body,
        )


@dataclass(frozen=True, slots=True)
class QuarantinePage:
    """Some of the jobs in quarantine, the one that has been there for longest first; iterate over it."""

    jobs: tuple[QuarantinedJob, ...]
    #: Where the next page begins; None on the last.
    next_cursor: str | None
    #: The list as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "QuarantinePage":
        """Read a list document. Raises as `QuarantinedJob.decode` does."""
        jobs = tuple(QuarantinedJob.decode(job) for job in document["data"])
        return cls(jobs, document.get("next_cursor"), body)

    def __iter__(self) -> Iterator[QuarantinedJob]:
        return iter(self.jobs)

    def __len__(self) -> int:
        return len(self.jobs)


@dataclass(frozen=True, slots=True)
class Redrive:
    """What became of a job that was begun again."""

    #: The job in quarantine.
    id: str
    #: The new prediction, or the batch that goes on.
    redriven_as: str
    #: The document as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "Redrive":
        """Read a document. Raises as `QuarantinedJob.decode` does."""
        return cls(str(document["id"]), str(document["redriven_as"]), body)
