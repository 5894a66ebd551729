"""Python client of a Rowcall server; it talks HTTP and imports nothing of the server.

What needs the HTTP library is loaded on first use, so that `rowcall --help` does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rowcall_client.batches import (
    Batch,
    BatchPage,
    BatchPreview,
    BatchStatus,
    ChunkCounts,
    Outcome,
    RowCounts,
    RowError,
)
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
    PredictionPage,
    QueuePlace,
    RowOutput,
    Status,
    Times,
)
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive
from rowcall_client.repeats import Retries
from rowcall_client.uploads import BatchOptions

if TYPE_CHECKING:
    from rowcall_client.async_client import AsyncRowcallClient
    from rowcall_client.client import RowcallClient
    from rowcall_client.event_stream import Event
    from rowcall_client.job_flows import JobOptions

__version__ = "0.1.0"

#: Where a server started on this machine with its defaults listens.
DEFAULT_URL = "http://127.0.0.1:8000"
#: How long one answer may take, not counting the time that the server was asked to wait.
DEFAULT_TIMEOUT_SECONDS = 10.0

#: Loaded on first use: name to module.
LOADED_LATE = {
    "AsyncRowcallClient": "async_client",
    "Event": "event_stream",
    "JobOptions": "job_flows",
    "RowcallClient": "client",
}

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "DEFAULT_URL",
    "AnswerNotUnderstood",
    "AsyncRowcallClient",
    "Batch",
    "BatchNotFinished",
    "BatchOptions",
    "BatchPage",
    "BatchPreview",
    "BatchStatus",
    "ChunkCounts",
    "ConnectionFailed",
    "DownloadBroken",
    "Event",
    "Feature",
    "FieldNote",
    "JobError",
    "JobOptions",
    "Model",
    "ModelList",
    "ModelReference",
    "Outcome",
    "Prediction",
    "PredictionFailed",
    "PredictionPage",
    "ProblemError",
    "QuarantinePage",
    "QuarantinedJob",
    "QueuePlace",
    "Redrive",
    "Retries",
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
    if name in LOADED_LATE:
        return getattr(import_module(f"rowcall_client.{LOADED_LATE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
