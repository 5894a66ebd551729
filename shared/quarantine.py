"""Quarantine: jobs whose workers died again and again, set aside with their input until an operator decides."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from redis import Redis

from shared.batch_jobs import chunk_job, mend_job, split_job
from shared.batch_store import Batch
from shared.batches import BatchErrorCode
from shared.job_lists import list_of, listed_seconds
from shared.job_records import encode_spec, read_job
from shared.job_store import store_errors
from shared.jobs import Job, JobSpec, StepKind
from shared.redis_client import read_scripts
from shared.settings import Settings
from shared.unreadable import RecordUnreadable

log = logging.getLogger(__name__)

#: Most jobs of one page.
PAGE_JOBS = 100
#: Most jobs that one sweep sets aside at the same moment.
_SAME_MOMENT = 1_000
#: The moment and the id of the last job of the page before.
_CURSOR = re.compile(r"([0-9]{1,12}[.][0-9]{6})~([A-Za-z0-9_.]{1,80})")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A job that was set aside."""

    job: Job
    #: When its input is deleted.
    kept_until: float

    @property
    def id(self) -> str:
        return self.job.id


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the jobs in quarantine, the one that has been there for longest first."""

    jobs: list[Quarantined]
    #: Where the next page begins; None at the end.
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Redriven:
    """What a redrive made of a job."""

    #: A prediction gets a new id, because the answer under the old one never changes; a step names its batch.
    id: str
    accepted_at: float


class ResumeVerdict(StrEnum):
    """What became of a request to take a batch up again."""

    RESUMED = "ok"
    #: It ended otherwise.
    FINAL = "final"
    UNKNOWN = "unknown"


class CursorInvalid(Exception):
    """Raised when a cursor was not made by this service."""


class RedisQuarantine:
    """The quarantine beside the job records.

    Every operation raises StoreUnavailable when the store does not answer, and may be called again after it.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._settings = settings
        self._root = settings.key_root
        self._key = f"{self._root}quarantine"
        self._retention = settings.retention_seconds
        # What accepts work is refused while the memory is full.
        names = {"quarantine_drop": True, "quarantine_redrive": False, "quarantine_resume": False}
        texts = read_scripts(names, "record", "batch", "quarantine")
        self._scripts = {name: redis.register_script(text) for name, text in texts.items()}

    def _run(self, script: str, *arguments: bytes | str | float) -> Any:
        with store_errors():
            return self._scripts[f"quarantine_{script}"](keys=[self._root], args=list(arguments))

    def page(self, cursor: str | None = None, *, limit: int = PAGE_JOBS) -> Page:
        """Return a page; raises CursorInvalid."""
        moment, after = _read_cursor(cursor)
        with store_errors():
            members: Any = self._redis.zrangebyscore(
                self._key, moment or "-inf", "+inf", start=0, num=limit + _SAME_MOMENT, withscores=True
            )
            found = [(job_id.decode(), score) for job_id, score in members]
            # Jobs of one sweep have the same moment, and are in the order of their ids.
            found = [(job_id, score) for job_id, score in found if _show(score) != moment or job_id > after]
            jobs = [one for job_id, score in found[:limit] if (one := self._find_listed(job_id, score)) is not None]
        if len(found) <= limit:
            return Page(jobs, None)
        last_id, last_score = found[limit - 1]
        return Page(jobs, f"{_show(last_score)}~{last_id}")

    def find(self, job_id: str) -> Quarantined | None:
        """Return the job with its input, or None when it is not in quarantine; raises RecordUnreadable."""
        with store_errors():
            score = self._redis.zscore(self._key, job_id)
            return None if score is None else self._read(job_id, float(score))

    def _read(self, job_id: str, kept_until: float) -> Quarantined | None:
        record: Any = self._redis.hgetall(f"{self._root}job:{job_id}")
        return Quarantined(read_job(job_id, record), kept_until) if record else None

    def _find_listed(self, job_id: str, kept_until: float) -> Quarantined | None:
        """Return the same, and None for a job that cannot be read, which must not hide the others."""
        try:
            return self._read(job_id, kept_until)
        except RecordUnreadable as error:
            log.error("job in quarantine not listed", extra={"detail": str(error)})  # noqa: TRY400 - the text says it all
            return None

    def drop(self, one: Quarantined) -> bool:
        """Delete the input of a job; its answer stays. Returns whether it was in quarantine."""
        spec = one.job.spec
        batch_id = spec.step.batch_id if spec.step else ""
        return bool(self._run("drop", spec.id, self._retention, _without_rows(spec), batch_id))

    def redrive(self, one: Quarantined, new_id: str) -> Redriven | None:
        """Accept a new job with the input of a prediction, and take the old one out of quarantine.

        Raises StoreFull. Returns None when it is in quarantine no longer; a second call returns what the first did.
        """
        spec = make_successor(one.job.spec, new_id)
        arguments: list[bytes | str | float] = [one.id, self._retention, _without_rows(one.job.spec)]
        arguments += [spec.lane.value, spec.id, encode_spec(spec), spec.deadline_seconds, spec.max_attempts]
        arguments += [list_of(spec), listed_seconds(self._settings)]
        found, accepted_at = self._run("redrive", *arguments)
        return Redriven(found.decode(), float(accepted_at)) if found else None

    def resume(self, one: Quarantined, batch: Batch) -> tuple[ResumeVerdict, Sequence[JobSpec]]:
        """Take a batch up again that failed for the sake of this step; rows that were done are not done again.

        Raises StoreFull. Returns the missing steps, which are queued now.
        """
        steps = self._missing_steps(one, batch)
        arguments: list[bytes | str | float] = [batch.id, batch.spec.deadline_seconds, BatchErrorCode.WORKER_DIED.value]
        for step in steps:
            arguments += [step.lane.value, step.id, encode_spec(step), step.max_attempts]
        answer = self._run("resume", *arguments).decode()
        verdict = ResumeVerdict(answer) if answer in tuple(ResumeVerdict) else ResumeVerdict.FINAL
        return verdict, steps if verdict is ResumeVerdict.RESUMED else []

    def _missing_steps(self, one: Quarantined, batch: Batch) -> list[JobSpec]:
        """What was queued when the batch failed has ended without doing anything, so all without a part counts."""
        step = one.job.spec.step
        if step is not None and step.kind is StepKind.MEND:
            return [mend_job(batch.spec, step.index)]
        key = f"{self._root}batch:{batch.id}"
        with store_errors():
            noted: Any = self._redis.hkeys(f"{key}:chunks")
            done: Any = self._redis.hkeys(f"{key}:parts")
        missing = sorted({int(index) for index in noted} - {int(index) for index in done})
        chunks = [chunk_job(batch.spec, index) for index in missing]
        return chunks if batch.chunks_total is not None else [split_job(batch.spec), *chunks]


def make_successor(spec: JobSpec, new_id: str) -> JobSpec:
    """Return a job with the same input for the same model version, under another id; nobody waits for it."""
    return replace(spec, id=new_id, reply_to="", client_id=None)


def _without_rows(spec: JobSpec) -> bytes:
    return encode_spec(replace(spec, rows=[]))


def _show(score: float) -> str:
    return f"{score:.6f}"


def _read_cursor(cursor: str | None) -> tuple[str, str]:
    """Return the moment and the id of the last job of the page before."""
    if cursor is None:
        return "", ""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise CursorInvalid(cursor)
    return found[1], found[2]
