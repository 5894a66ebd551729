"""What a row may do to the worker that predicts it, and how its job must then end."""

from enum import IntEnum


class Fate(IntEnum):
    """The value of a feature of the traced model."""

    #: It gets its prediction.
    NONE = 0
    #: It ends the process.
    EXITS = 1
    #: It crashes the process as native code does.
    CRASHES = 2
    #: The model never returns.
    HANGS = 3
    #: The model answers NaN.
    ANSWERS_NAN = 4
    #: The model raises.
    RAISES = 5


#: Error code of the job of each row that cannot get a prediction.
ERROR_CODES = {
    Fate.EXITS: "worker_died",
    Fate.CRASHES: "worker_died",
    Fate.HANGS: "worker_died",
    Fate.ANSWERS_NAN: "output_invalid",
    Fate.RAISES: "prediction_failed",
}
