"""The server's batch documents as frozen records, decoded once at the edge; no HTTP here.

Unknown members are ignored, so that an older client understands a newer server.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rowcall_client.predictions import (
    Document,
    JobError,
    ModelReference,
    decode_job_error,
    decode_model_reference,
    find_time,
)


class BatchStatus(StrEnum):
    """How far a batch has come."""

    #: Accepted, and waiting for a worker.
    QUEUED = "queued"
    #: Its rows are being predicted.
    RUNNING = "running"
    #: Every row is done; the results are being put together.
    FINALIZING = "finalizing"
    #: Final: every row came back, with a prediction or with an error.
    COMPLETED = "completed"
    #: Final: it stopped, and the error says why; the rows done so far can be read.
    FAILED = "failed"
    #: Final: the client asked for this; the rows done so far can be read.
    CANCELED = "canceled"
    #: Final: its deadline passed; the rows done so far can be read.
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether the status changes no more, unless mended rows are sent."""
        return self not in {BatchStatus.QUEUED, BatchStatus.RUNNING, BatchStatus.FINALIZING}


class Outcome(StrEnum):
    """What became of the rows of a final batch."""

    #: Each has a prediction.
    ALL_SUCCEEDED = "all_succeeded"
    #: Some have a prediction, and some an error.
    PARTIAL = "partial"
    #: Each has an error.
    ALL_FAILED = "all_failed"
    #: None was done.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows a batch has, by what became of them."""

    #: None while the file has not been read to its end.
    total: int | None
    succeeded: int
    failed: int
    #: None while the total is unknown.
    pending: int | None

    @classmethod
    def decode(cls, document: Document) -> "RowCounts":
        """Read the `counts` member of a batch."""
        return cls(
            total=document.get("total"),
            succeeded=int(document.get("succeeded") or 0),
            failed=int(document.get("failed") or 0),
            pending=document.get("pending"),
        )

    @property
    def done(self) -> int:
        """The rows that came back, with a prediction or with an error."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class ChunkCounts:
    """How many chunks the server has cut a batch into, and how many are done."""

    #: None while the file has not been read to its end.
    total: int | None
    done: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One uploaded CSV file, and how far the server had come with it when it was asked."""

    id: str
    status: BatchStatus
    #: None until the status is final.
    outcome: Outcome | None
    counts: RowCounts
    #: Share of the rows that are done, 0 to 100; None while the total is unknown.
    percent: float | None
    #: The server's estimate until the batch is finished.
    eta_seconds: float | None
    rows_per_second: float | None
    #: Why rows have no prediction: error code to number of rows.
    errors_by_code: Mapping[str, int]
    model: ModelReference
    #: Where the features come from: header of a column to feature.
    columns: Mapping[str, str]
    chunks: ChunkCounts
    #: Why the batch as a whole stopped; None unless the server gave a reason.
    error: JobError | None
    created_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    #: When the server forgets the batch and its files.
    expires_at: datetime | None
    #: Given with the upload.
    metadata: Mapping[str, str]
    #: What can be done with it: `results`, `errors`, `cancel`, `retry` and more, to path.
    urls: Mapping[str, str]
    #: The whole document, members unknown to this client included.
    raw: Document = field(repr=False, compare=False)
    #: The document as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "Batch":
        """Read a batch document. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
        outcome = document.get("outcome")
        error = document.get("error")
        chunks = document.get("chunks") or {}
        return cls(
            id=str(document["id"]),
            status=BatchStatus(document["status"]),
            outcome=Outcome(outcome) if outcome else None,
            counts=RowCounts.decode(document.get("counts") or {}),
            percent=document.get("percent"),
            eta_seconds=document.get("eta_seconds"),
            rows_per_second=document.get("rows_per_second"),
            errors_by_code=document.get("errors_by_code") or {},
            model=decode_model_reference(document.get("model") or {}),
            columns=document.get("columns") or {},
            chunks=ChunkCounts(total=chunks.get("total"), done=int(chunks.get("done") or 0)),
            error=decode_job_error(error) if error else None,
            created_at=find_time(document, "created_at"),
            started_at=find_time(document, "started_at"),
            completed_at=find_time(document, "completed_at"),
            expires_at=find_time(document, "expires_at"),
            metadata=document.get("metadata") or {},
            urls=document.get("urls") or {},
            raw=document,
            body=body,
        )

    @property
    def is_flawless(self) -> bool:
        """Whether it is completed and no row has an error."""
        return self.status is BatchStatus.COMPLETED and self.counts.failed == 0

    @property
    def has_output(self) -> bool:
        """Whether there is a result to read; a batch that stopped before its first row has none."""
        return self.status is BatchStatus.COMPLETED or self.counts.done > 0


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Some of the caller's batches, the newest first; iterate over it."""

    batches: tuple[Batch, ...]
    #: Where the next page begins; None on the last.
    next_cursor: str | None
    #: The list as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "BatchPage":
        """Read a list document. Raises as `Batch.decode` does."""
        return cls(tuple(Batch.decode(batch) for batch in document["data"]), document.get("next_cursor"), body)

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row gets no prediction."""

    #: Data rows count from 1, the header excluded.
    row_number: int
    code: str
    #: Header of the column at fault; None when it is the whole row.
    column: str | None
    message: str

    @classmethod
    def decode(cls, document: Document) -> "RowError":
        """Read one member of a preview's `sample_errors`."""
        return cls(
            row_number=int(document["row_number"]),
            code=str(document["error_code"]),
            column=document.get("error_column") or None,
            message=str(document.get("error_message") or ""),
        )


@dataclass(frozen=True, slots=True)
class BatchPreview:
    """How the server would read a CSV file, found without predicting anything."""

    model: ModelReference
    #: Where the features would come from: header of a column to feature.
    columns: Mapping[str, str]
    #: Headers of the columns that are only passed through.
    unused_columns: tuple[str, ...]
    delimiter: str
    encoding: str
    #: How many rows were looked at.
    sampled_rows: int
    #: Some of the rows among them that would get no prediction.
    sample_errors: tuple[RowError, ...]
    #: Cells of the header and of these rows that a spreadsheet would run as formulas.
    formula_cells: int
    estimated_rows: int | None
    estimated_seconds: float | None
    #: The whole document, members unknown to this client included.
    raw: Document = field(repr=False, compare=False)
    #: The document as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "BatchPreview":
        """Read a preview document. Raises as `Batch.decode` does."""
        return cls(
            model=decode_model_reference(document["model"]),
            columns=document["columns"],
            unused_columns=tuple(str(header) for header in document.get("unused_columns") or ()),
            delimiter=str(document.get("delimiter") or ""),
            encoding=str(document.get("encoding") or ""),
            sampled_rows=int(document.get("sampled_rows") or 0),
            sample_errors=tuple(RowError.decode(error) for error in document.get("sample_errors") or ()),
            formula_cells=int(document.get("formula_cells") or 0),
            estimated_rows=document.get("estimated_rows"),
            estimated_seconds=document.get("estimated_seconds"),
            raw=document,
            body=body,
        )
