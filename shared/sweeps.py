"""What a look over all jobs finds, and how the store's scripts tell it."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from shared.job_records import decode_spec
from shared.jobs import JobSpec
from shared.unreadable import MISSHAPEN

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A job whose message or worker was lost, and that is queued again."""

    spec: JobSpec
    #: Times that a worker claimed it so far.
    attempt: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one look over all jobs found."""

    #: When it looked, by the store's clock: the jobs to send again count as enqueued then.
    at: float
    resend: list[Stuck]
    expired: int
    #: Jobs that were set aside, because each worker that took them died.
    quarantined: int


@dataclass(frozen=True, slots=True)
class Release:
    """What was given back unfinished, and is to be sent again."""

    #: When, by the store's clock: the jobs count as enqueued then.
    at: float
    jobs: list[Stuck]


def read_stuck(found: Iterable[tuple[bytes, bytes, bytes]]) -> tuple[list[Stuck], list[bytes]]:
    """Return the jobs that scripts tell as id, spec and attempt, and the ids of those that cannot be read."""
    stuck: list[Stuck] = []
    unreadable: list[bytes] = []
    for job_id, spec, attempt in found:
        try:
            stuck.append(Stuck(decode_spec(spec), int(attempt)))
        except MISSHAPEN:
            unreadable.append(job_id)
    return stuck, unreadable


def log_left_alone(job_ids: Iterable[bytes]) -> None:
    """Say of which jobs nothing becomes any more; their content belongs to whoever sent them."""
    for job_id in job_ids:
        log.error("job left alone, its record cannot be read", extra={"job_id": job_id.decode(errors="replace")})
