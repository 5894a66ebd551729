"""Lists of jobs by owner: where a job is listed, and what a list tells of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from shared.job_records import read_job
from shared.jobs import Job, JobSpec
from shared.queues import Lane
from shared.settings import Settings
from shared.unreadable import RecordUnreadable

log = logging.getLogger(__name__)

#: Most jobs that one page looks at: it bounds the time for which a script holds the server.
PAGE_LOOKS = 1_000
#: What `job_page.lua` tells of a job, in its order; empty where its record has nothing.
_LISTED_FIELDS = (
    b"status",
    b"spec",
    b"attempt",
    b"created",
    b"started",
    b"completed",
    b"expires",
    b"cancel",
    b"redriven_as",
    b"retried",
    b"retries",
    b"outcome",
    b"id",
    b"delivery",
)


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs of one owner, the newest first, without rows and without output."""

    jobs: list[Job]
    #: Where the next page begins; None at the end. A page with a filter may be short, and not be the last.
    next_cursor: str | None


def queued_key(settings: Settings, lane: Lane) -> str:
    """Return the sorted set of the jobs that wait in a lane, by the time at which they were enqueued."""
    return f"{settings.key_root}queued:{lane.value}"


def lists_of(owner: str) -> str:
    """Return what the keys of an owner's lists begin with."""
    return f"made:{owner}:"


def list_of(spec: JobSpec) -> str:
    """Return where a job is listed; nowhere if it is a step of a batch, which is nobody's prediction."""
    return "" if spec.step is not None else lists_of(spec.owner)


def listed_seconds(settings: Settings) -> int:
    """Return how long a job stays in its list: until its record has gone, unless it was set aside or retried."""
    return int(settings.deadline_seconds) + settings.retention_seconds


def find_listed(fields: Sequence[bytes]) -> Job | None:
    """Return a job as `job_page.lua` tells it; None if it cannot be read, which must not hide the others."""
    record = {name: text for name, text in zip(_LISTED_FIELDS, fields, strict=False) if text}
    try:
        return read_job(record[b"id"].decode(errors="replace"), record)
    except RecordUnreadable as error:
        log.error("job not listed", extra={"detail": str(error)})  # noqa: TRY400 - the text says it all
        return None
