"""Codes of jobs that ended without a prediction."""

from enum import StrEnum


class JobErrorCode(StrEnum):
    """Why a job ended `failed`, `canceled` or `expired`."""

    #: The model raised an exception for a row.
    PREDICTION_FAILED = "prediction_failed"
    #: The model answered something that is no prediction, such as NaN.
    OUTPUT_INVALID = "output_invalid"
    #: Each worker that took the job died or hung while it held it; the job is in quarantine.
    WORKER_DIED = "worker_died"
    #: No worker has the model version that the job was accepted for.
    MODEL_UNAVAILABLE = "model_unavailable"
    #: Its deadline passed before it was finished.
    DEADLINE_PASSED = "deadline_passed"
    #: The client asked to cancel it.
    CANCELED = "canceled"
