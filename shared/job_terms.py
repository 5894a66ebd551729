"""What few submissions ask for besides, and what becomes of a request to delete or to retry."""

from dataclasses import dataclass
from enum import StrEnum

from shared.job_lists import list_of
from shared.jobs import JobSpec, Once
from shared.settings import Settings

#: Stands for the key of a job whose client made its id.
_OWN_ID = "="
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The job that an idempotency key, or an id that its client made, stands for already."""

    job_id: str
    #: What was asked for is the same.
    is_same: bool


class DeleteVerdict(StrEnum):
    """What became of a request to delete a job."""

    DELETED = "deleted"
    #: It runs; nobody sees it any more, and it goes when its worker is done.
    RUNNING = "running"
    UNKNOWN = "unknown"


class RetryVerdict(StrEnum):
    """What became of a request to try a job once more."""

    QUEUED = "queued"
    #: It would wait too long.
    FULL = "full"
    #: Its status allows none.
    NOT_RETRYABLE = "not_retryable"
    #: Its input is kept no longer.
    INPUT_DROPPED = "input_dropped"
    #: Its key has no request left.
    SPENT = "spent"
    UNKNOWN = "unknown"


def encode_place(spec: JobSpec, settings: Settings) -> str:
    """Return the list, terms, bucket and patience of a job as `terms.lua` reads them; most of a key have the same."""
    if spec.rate is None and spec.patience_seconds is None:
        if spec.once is None and spec.retain_seconds is None:
            return list_of(spec)
        return f"{list_of(spec)}\n{_encode_terms(spec, settings)}"
    bucket = "" if spec.rate is None else spec.rate.text
    place = f"{list_of(spec)}\n{_encode_terms(spec, settings)}\n{bucket}"
    return place if spec.patience_seconds is None else f"{place}\n{spec.patience_seconds:g}"


def _encode_terms(spec: JobSpec, settings: Settings) -> str:
    if spec.retain_seconds is None:
        return encode_once(spec.once, settings)
    once = encode_once(spec.once, settings) or f"{_NONE} {_NONE} {_NONE} {_NONE}"
    return f"{spec.retain_seconds}{once[1:]}"


def encode_once(once: Once | None, settings: Settings) -> str:
    """Return the terms of what is kept for as long as anything else; empty for none."""
    if once is None:
        return ""
    return f"{_NONE} {once.key or _OWN_ID} {once.digest} {settings.idempotency_seconds}"
