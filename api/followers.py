"""Who follows which record: one look at all of them wakes the streams whose records have changed."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from api.waiters import Waiters
from shared.errors import StoreUnavailable
from shared.job_store import JobStore

log = logging.getLogger(__name__)

#: How often the records that are followed are looked at, all in one call.
LOOK_SECONDS = 0.25
#: Records in one call; it bounds the time for which a script holds the server.
LOOK_RECORDS = 500


class Follower:
    """One stream that waits for a change of its record."""

    def __init__(self, key: str) -> None:
        self.key = key
        #: What the record looked like last; None before the first look.
        self.seen: str | None = None
        self._changed = threading.Event()

    def note(self, seen: str) -> None:
        """Wake the stream if this is something new; the first look may be, because it is not the stream's own."""
        if seen != self.seen:
            self.seen = seen
            self._changed.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a change, or for so long; returns whether there was one."""
        is_changed = self._changed.wait(seconds)
        self._changed.clear()
        return is_changed


class Followers:
    """The streams of this API process. A thread looks for them while there are any."""

    def __init__(self, jobs: JobStore, waiters: Waiters) -> None:
        self._jobs = jobs
        self._waiters = waiters
        self._lock = threading.Lock()
        self._followers: list[Follower] = []
        self._is_looking = False

    @contextmanager
    def place(self, key: str) -> Iterator[Follower | None]:
        """Take one of the places for waiting requests; None when all are taken.

        key: of the record, such as `job:prd_1`.
        """
        with self._waiters.room() as has_room:
            if not has_room:
                yield None
                return
            follower = Follower(key)
            self._add(follower)
            try:
                yield follower
            finally:
                with self._lock:
                    self._followers.remove(follower)

    def _add(self, follower: Follower) -> None:
        with self._lock:
            self._followers.append(follower)
            if not self._is_looking:
                self._is_looking = True
                threading.Thread(target=self._look_while_needed, name="followers", daemon=True).start()

    def _look_while_needed(self) -> None:
        while True:
            with self._lock:
                followers = list(self._followers)
                self._is_looking = bool(followers)
            if not followers:
                return
            try:
                self._look(followers)
            except StoreUnavailable as error:
                log.warning("followed records not looked at", extra={"detail": error.detail})
            time.sleep(LOOK_SECONDS)

    def _look(self, followers: list[Follower]) -> None:
        for start in range(0, len(followers), LOOK_RECORDS):
            some = followers[start : start + LOOK_RECORDS]
            for follower, seen in zip(some, self._jobs.glance([one.key for one in some]), strict=True):
                follower.note(seen)
