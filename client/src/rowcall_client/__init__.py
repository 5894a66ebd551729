"""Python client of a Rowcall server; it talks HTTP and imports nothing of the server.

`RowcallClient` is loaded on first use, so that `rowcall --help` does not wait for the HTTP library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rowcall_client.errors import (
    AnswerNotUnderstood,
    ConnectionFailed,
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

if TYPE_CHECKING:
    from rowcall_client.client import RowcallClient

__version__ = "0.1.0"

#: Where a server started on this machine with its defaults listens.
DEFAULT_URL = "http://127.0.0.1:8000"

__all__ = [
    "DEFAULT_URL",
    "AnswerNotUnderstood",
    "ConnectionFailed",
    "Feature",
    "FieldNote",
    "JobError",
    "Model",
    "ModelList",
    "ModelReference",
    "Prediction",
    "PredictionFailed",
    "ProblemError",
    "QueuePlace",
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
