"""Batch: a job whose input is an uploaded CSV file. What it is made of, and how its file is read: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.jobs import ModelRef, Once
from shared.rates import Rate

#: Columns that follow the input's own in the results; one `probability_<class>` for each class stands after the first.
STATUS_COLUMNS = ("row_status", "error_code", "error_message")
#: Columns that follow the input's own in the errors.
ERROR_COLUMNS = ("row_number", "error_code", "error_column", "error_message")

#: Below this a chunk costs more to pass around than to predict.
_SMALLEST_CHUNK_BYTES = 1 << 20
#: Chunks that even a small file should have.
_CHUNKS_WANTED = 16


class BatchStatus(StrEnum):
    """Where a batch is in its life."""

    #: Accepted; no worker has begun.
    QUEUED = "queued"
    #: Its chunks are being predicted.
    RUNNING = "running"
    #: Every chunk is done; the results are being put together.
    FINALIZING = "finalizing"
    #: Final: every row came back.
    COMPLETED = "completed"
    #: Final: it stopped, and its error says why; the rows done so far can be read.
    FAILED = "failed"
    #: Final: the client asked for it; the rows done so far can be read.
    CANCELED = "canceled"
    #: Final: its deadline passed; the rows done so far can be read.
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        return self not in (BatchStatus.QUEUED, BatchStatus.RUNNING, BatchStatus.FINALIZING)


class BatchErrorCode(StrEnum):
    """Why a batch ended `failed`, `canceled` or `expired`."""

    #: A row got no prediction, and `on_error=abort` was asked for.
    ABORTED_ON_ERROR = "aborted_on_error"
    #: More than `max_error_ratio` of the rows got no prediction.
    TOO_MANY_ERRORS = "too_many_errors"
    #: One record is longer than a record may be; mostly a quote that is never closed.
    RECORD_TOO_LONG = "record_too_long"
    #: No worker has the model version that the batch was accepted for.
    MODEL_UNAVAILABLE = "model_unavailable"
    #: Every worker that took one of its chunks died.
    WORKER_DIED = "worker_died"
    #: Its deadline passed before it was finished.
    DEADLINE_PASSED = "deadline_passed"
    #: The client asked to cancel it.
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why a batch stopped."""

    code: str
    detail: str


class OnError(StrEnum):
    """What a row without a prediction does to its batch."""

    CONTINUE = "continue"
    ABORT = "abort"


class Formulas(StrEnum):
    """What becomes of text that a spreadsheet would run as a formula."""

    #: It comes back as it came.
    KEEP = "keep"
    #: It comes back with a `'` in front, which makes it text.
    ESCAPE = "escape"


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How the bytes of a file are cut into records and fields."""

    #: One ASCII character.
    delimiter: str
    #: A Python codec in which every ASCII character is one byte: utf-8, cp1252, latin-1 …
    encoding: str
    #: Terminator that a record without one of its own gets: \n, \r\n or \r.
    newline: str
    #: Bytes before the header: a byte order mark and empty lines, or none.
    header_start: int
    #: Byte at which the first data record begins.
    data_start: int


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """A file's dialect, and where in a record the features stand."""

    dialect: CsvDialect
    #: Names of the columns, as the file spells them.
    header: tuple[str, ...]
    #: For each feature of the manifest, in its order, the index of its column.
    feature_columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of consecutive records of one batch, predicted by one task."""

    index: int
    #: Byte range in the input file; it begins and ends at record boundaries.
    start: int
    stop: int
    #: `row_number` of its first row; rows count from 1, the header and empty lines excluded.
    first_row: int
    rows: int


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one chunk: its piece of the results and of the errors."""

    #: Fence: names the files of the one attempt that was recorded.
    token: str
    rows: int
    failed: int
    result_bytes: int
    error_bytes: int
    errors_by_code: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplacedPart:
    """A part in whose place a mended one stands. Its files stay for those who began to read them."""

    batch_id: str
    index: int
    token: str


@dataclass(frozen=True, slots=True)
class Mend:
    """An uploaded file of mended rows, and where in it everything stands."""

    #: Names its file.
    token: str
    dialect: CsvDialect
    #: For each column of the input, in its order, the index of its column in this file.
    own_columns: tuple[int, ...]
    #: Index of the column that says which row of the batch a record is.
    row_number_column: int
    #: How many columns the file has: a record with more says nothing for sure.
    columns: int


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """What was accepted: it never changes after the 202."""

    id: str
    model: ModelRef
    #: Names of the model's features and classes, in the order of its manifest; a regression has no classes. The batch
    #: must stay readable when no worker has this version any more.
    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    layout: CsvLayout
    #: Bytes of the input file.
    input_bytes: int
    on_error: OnError = OnError.CONTINUE
    #: The batch fails once more than this share of its rows got no prediction.
    max_error_ratio: float = 1.0
    #: What its results and errors do with formulas in cells.
    formulas: Formulas = Formulas.KEEP
    deadline_seconds: float = 86_400.0
    #: Bytes of a chunk. They are part of what was accepted, so that a file that is split again is split alike.
    chunk_bytes: int = 8 * 1024**2
    #: Where its client is told that it has ended; empty: nowhere.
    webhook_url: str = ""
    #: Whose batch it is: nobody else learns of it. Empty where the API asks for no keys.
    owner: str = ""
    #: For how long it is kept once it is final; None: as long as any other.
    retain_seconds: int | None = None
    #: What its client wrote on it; no part of the hash, for a dictionary has none.
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    #: Matters at acceptance only, and is no part of the record.
    once: Once | None = field(default=None, compare=False)
    #: What the key that it came with is limited to; the same holds.
    rate: Rate | None = field(default=None, compare=False)


def choose_chunk_bytes(input_bytes: int, limit: int) -> int:
    """Return a chunk size for a file: small enough that several workers end together, and at most `limit`."""
    return min(limit, max(_SMALLEST_CHUNK_BYTES, input_bytes // _CHUNKS_WANTED))
