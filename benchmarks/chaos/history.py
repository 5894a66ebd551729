"""What clients saw: every attempt to submit, every reading of an accepted job. The log that the verdict is about.

Times are seconds since the epoch, by the clock of this machine, which is the store's clock too.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.fates import Fate

FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})
#: A final answer must be the same when it is read again so much later.
READ_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What of a job's document may never change once it is final."""

    status: str
    output: Any = None
    error_code: str | None = None
    created_at: float = 0.0
    completed_at: float | None = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at an accepted job."""

    at: float
    #: None when the service says that there is no such job.
    answer: Answer | None


@dataclass(slots=True)
class JobHistory:
    """An accepted job, and what was read of it, in order."""

    ticket: int
    job_id: str
    accepted_at: float
    fate: Fate = Fate.NONE
    readings: list[Reading] = field(default_factory=list)
    #: A fault deleted its record while its message waited: until a worker has it, the service cannot know the job.
    is_record_deleted: bool = False

    @property
    def first_final(self) -> Reading | None:
        return next((one for one in self.readings if one.answer is not None and one.answer.is_final), None)

    @property
    def is_read_twice(self) -> bool:
        """Its final answer was read twice, far enough apart."""
        first = self.first_final
        return first is not None and self.readings[-1].at - first.at >= READ_AGAIN_SECONDS


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to accept a job: it was invoked, and then accepted, rejected, or nobody knows."""

    ticket: int
    invoked_at: float
    ended_at: float
    #: `accepted`, `rejected` (the service said so, or nobody listened) or `unknown` (no answer came).
    outcome: str
    #: Status code or kind of network error, where it was not accepted.
    reason: str = ""


class History:
    """The log. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.attempts: list[Attempt] = []
        self.jobs: dict[str, JobHistory] = {}
        #: Failed readings by kind; they say nothing of the job.
        self.read_errors: Counter[str] = Counter()

    def note_attempt(self, attempt: Attempt, job: JobHistory | None = None) -> None:
        with self._lock:
            self.attempts.append(attempt)
            if job is not None:
                self.jobs[job.job_id] = job

    def note_reading(self, job_id: str, reading: Reading) -> None:
        with self._lock:
            self.jobs[job_id].readings.append(reading)

    def note_read_error(self, kind: str) -> None:
        with self._lock:
            self.read_errors[kind] += 1

    def note_deleted_record(self, job_id: str) -> None:
        with self._lock:
            if job_id in self.jobs:
                self.jobs[job_id].is_record_deleted = True

    def list_jobs(self) -> list[JobHistory]:
        """Return all accepted jobs as of now."""
        with self._lock:
            return list(self.jobs.values())

    def count_accepted(self) -> int:
        with self._lock:
            return len(self.jobs)

    def client_errors(self) -> Mapping[str, int]:
        """Return how often what went wrong for a client."""
        errors = Counter(f"submit {one.outcome}: {one.reason}" for one in self.attempts if one.outcome != "accepted")
        errors.update({f"read: {kind}": count for kind, count in self.read_errors.items()})
        return dict(sorted(errors.items()))
