"""What few submissions ask for besides, and what becomes of a request to delete or to retry."""

from dataclasses import dataclass
from enum import StrEnum

from shared.job_lists import list_of
from shared.jobs import JobSpec, Once
from shared.settings import Settings

#: Stands for the key of a job whose client made its id.
_OWN_ID = "="
_NONE = "-"
_LINE = "\n"


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
    UNKNOWN = "unknown"


def encode_place(spec: JobSpec, settings: Settings) -> str:
    """Return the list and the terms of a job as `terms.lua` reads them; most jobs of an owner have the same."""
    has_terms = spec.once is not None or spec.retain_seconds is not None
    place = f"{list_of(spec)}\n{_encode_terms(spec, settings)}" if has_terms else list_of(spec)
    if spec.patience_seconds is None or not settings.max_queue_seconds:
        return place
    return f"{place}{'' if has_terms else _LINE}{_LINE}{spec.patience_seconds:g}"


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
