"""Queue and task names, and which goes where."""

from enum import StrEnum


class Lane(StrEnum):
    """A queue with workers of its own, so that a flood in one never delays another."""

    #: Single predictions that somebody may be waiting for.
    INTERACTIVE = "interactive"
    #: Chunks of uploaded files.
    BULK = "bulk"


class TaskName(StrEnum):
    """Names under which tasks are sent; the API never imports a task."""

    #: Predict every job of one message.
    PREDICT = "rowcall.predict"
    #: Do one step of a batch.
    BATCH_STEP = "rowcall.batch_step"
