"""Reads of many requests together: one round trip finds all the jobs that were asked for during the last one.

A request that reads waits for a flag, so it needs no thread of its own.
"""

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from api.flag import Flag
from shared.errors import StoreUnavailable
from shared.job_store import JobStore
from shared.jobs import Job

#: Jobs in one round trip; it bounds the time for which a script holds the server.
READ_JOBS = 64


class _Read:
    """What one request asked for."""

    __slots__ = ("done", "error", "job", "job_id")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.done = Flag()
        self.job: Job | None = None
        self.error: Exception | None = None


class GroupedReads:
    """Finds jobs for the requests of one API process. One thread reads for all of them."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._waiting: deque[_Read] = deque()
        self._is_due = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="grouped-reads")

    def find(self, job_id: str) -> Job | None:
        """Return the job, or None when there is no record under this id; raises StoreUnavailable."""
        read = _Read(job_id)
        self._waiting.append(read)
        if not self._is_due:
            self._is_due = True
            self._thread.submit(self._read_waiting)
        read.done.wait()
        if read.error is not None:
            # Each request raises its own, because a traceback belongs to one thread; the cause tells where it happened.
            raise copy.copy(read.error) from read.error
        return read.job

    def _read_waiting(self) -> None:
        # First the note, then the list: whoever adds to it from now on calls again.
        self._is_due = False
        while group := list(self._take()):
            self._read(group)
            for read in group:
                read.done.set()

    def _take(self) -> Iterator[_Read]:
        for _ in range(min(len(self._waiting), READ_JOBS)):
            yield self._waiting.popleft()

    def _read(self, group: Sequence[_Read]) -> None:
        try:
            found = self._jobs.find_all([read.job_id for read in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                # A record that cannot be read must not stand between the others and theirs.
                for read in group:
                    self._read([read])
                return
            for read in group:
                read.error = error
            return
        for read, job in zip(group, found, strict=True):
            read.job = job
