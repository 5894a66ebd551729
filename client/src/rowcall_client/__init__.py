"""Python client of a Rowcall server; it talks HTTP and imports nothing of the server.

`RowcallClient` is loaded on first use, so that `rowcall --help` does not wait for the HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rowcall_client.batches import Batch, BatchPreview, BatchStatus, ChunkCounts, Outcome, RowCounts, RowError
from rowcall_client.errors import (
    AnswerNotUnderstood,
    BatchNotFinished,
    ConnectionFailed,
    DownloadBroken,
    PredictionFailed,
    ProblemError,
    RowcallError,
    WaitTimedOut,
)
from rowcall_client.models import Feature, Model, ModelList
from rowcall_client.predictions import (
    FieldNote,
    JobError,
    ModelReference,
    Prediction,
    QueuePlace,
    RowOutput,
    Status,
    Times,
)
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive
from rowcall_client.uploads import BatchOptions

if TYPE_CHECKING:
    from rowcall_client.client import RowcallClient

__version__ = "0.1.0"

#: Where a server started on this machine with its defaults listens.
DEFAULT_URL = "http://127.0.0.1:8000"

__all__ = [
    "DEFAULT_URL",
    "AnswerNotUnderstood",
    "Batch",
    "BatchNotFinished",
    "BatchOptions",
    "BatchPreview",
    "BatchStatus",
    "ChunkCounts",
    "ConnectionFailed",
    "DownloadBroken",
    "Feature",
    "FieldNote",
    "JobError",
    "Model",
    "ModelList",
    "ModelReference",
    "Outcome",
    "Prediction",
    "PredictionFailed",
    "ProblemError",
    "QuarantinePage",
    "QuarantinedJob",
    "QueuePlace",
    "Redrive",
    "RowCounts",
    "RowError",
    "RowOutput",
    "RowcallClient",
    "RowcallError",
    "Status",
    "Times",
    "WaitTimedOut",
]


def __getattr__(name: str) -> Any:  # Any: what a module may hold
    if name == "RowcallClient":
        return import_module("rowcall_client.client").RowcallClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
