"""Who waits for which job: one subscription per API process wakes all of its waiting requests.

A lost notification only costs time: one look at all the jobs that are waited for, now and then, finds the ends of which
nothing was heard.
"""

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from api.flag import Flag
from shared.errors import StoreUnavailable
from shared.job_records import JobEnd, decode_ends
from shared.job_store import JobStore, store_errors
from shared.redis_client import Script
from shared.settings import Settings
from shared.unreadable import MISSHAPEN

log = logging.getLogger(__name__)

#: How often the jobs that are waited for are looked at: those of which this process is told only to be sure.
OWN_JOB_LOOK_SECONDS = 1.0
OTHER_JOB_LOOK_SECONDS = 0.25
#: Jobs in one look; it bounds the time for which a script holds the server.
LOOK_JOBS = 500
_RECONNECT_SECONDS = 0.5
#: How often this process says something to itself, and how long it may hear nothing before it subscribes again: its
#: connection may be half-open, or lead to a server that is no longer the primary and hears of nothing.
GREETING_SECONDS = 2.0
SILENCE_SECONDS = 5.0
_READ_SECONDS = 1.0
#: Only a primary takes a script that may write.
_GREET = "#!lua flags=allow-oom\nreturn redis.call('PUBLISH', KEYS[1], '[]')"


class Waiter:
    """One waiting request."""

    __slots__ = ("end", "ended", "is_told")

    def __init__(self, *, is_told: bool) -> None:
        self.ended = Flag()
        #: Workers tell this process how the job ends.
        self.is_told = is_told
        #: How it ended, if that was told.
        self.end: JobEnd | None = None

    def tell(self, end: JobEnd | None) -> None:
        """Wake the request."""
        self.end = end
        self.ended.set()


class MakerPlace:
    """A place while a request waits for the job that it makes; a generator would cost three times as much."""

    __slots__ = ("_free_places", "_job_id", "_makers", "_place")

    def __init__(self, job_id: str, makers: dict[str, Waiter], free_places: deque[int]) -> None:
        self._job_id = job_id
        self._makers = makers
        self._free_places = free_places
        self._place: int | None = None

    def take(self) -> Waiter | None:
        """Take the place; None when all are taken."""
        try:
            self._place = self._free_places.pop()
        except IndexError:
            return None
        self._makers[self._job_id] = maker = Waiter(is_told=True)
        return maker

    def leave(self) -> None:
        """Give it up, if it was taken."""
        if self._place is not None:
            del self._makers[self._job_id]
            self._free_places.append(self._place)

    def __enter__(self) -> Waiter | None:
        return self.take()

    def __exit__(self, *_: object) -> None:
        self.leave()


class Waiters:
    """The waiting requests of this API process."""

    def __init__(
        self,
        jobs: JobStore,
        redis: Redis,
        settings: Settings,
        *,
        on_ends: Callable[[Collection[str]], None] = lambda _job_ids: None,
    ) -> None:
        """on_ends: called with the ids of jobs of this process that have their ends."""
        self._jobs = jobs
        self._redis = redis
        self._greet = Script(redis, _GREET)
        self._on_ends = on_ends
        #: The request that made a job and waits for it, by job. Each change is one operation on a dictionary: hundreds
        #: of requests would queue for a lock.
        self._makers: dict[str, Waiter] = {}
        #: Requests that wait for a job that was there before, by job.
        self._readers: dict[str, list[Waiter]] = {}
        self._readers_lock = threading.Lock()
        self._free_places = deque(range(settings.max_waiters))
        #: Channel on which workers tell this process that its jobs are final.
        self.reply_to = f"{settings.key_root}finished:{secrets.token_hex(8)}"

    def start(self) -> None:
        """Start to listen and to look; the threads live as long as the process."""
        threading.Thread(target=self._listen, name="waiters", daemon=True).start()
        threading.Thread(target=self._look_for_ever, name="waiters-look", daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(self.reply_to)
                    self._listen_to(subscription)
            except RedisError as error:
                log.warning("notifications interrupted, connecting again", extra={"detail": type(error).__name__})
                time.sleep(_RECONNECT_SECONDS)

    def _listen_to(self, subscription: Any) -> None:
        """Hear what is told, until nothing is; raises RedisError."""
        heard_at = time.monotonic()
        while True:
            message = subscription.get_message(timeout=_READ_SECONDS)
            if message is not None:
                heard_at = time.monotonic()
                self._hear(message["data"])
            elif time.monotonic() - heard_at > SILENCE_SECONDS:
                raise RedisConnectionError("The subscription is silent.")

    def _hear(self, text: bytes) -> None:
        try:
            ends = decode_ends(text)
        except MISSHAPEN as error:
            # A worker of another release wrote it; a look finds these ends.
            log.warning("notification not understood", extra={"detail": type(error).__name__})
            return
        self.tell(ends)

    def tell(self, ends: Mapping[str, JobEnd | None]) -> None:
        """Wake every request that waits for one of these jobs; None for an end that it has to look up."""
        self._on_ends(ends.keys())
        for job_id, end in ends.items():
            maker = self._makers.get(job_id)
            if maker is not None:
                maker.tell(end)
            if self._readers:
                with self._readers_lock:
                    readers = list(self._readers.get(job_id, ()))
                for reader in readers:
                    reader.tell(end)

    def _look_for_ever(self) -> None:
        looks = 0
        while True:
            time.sleep(OTHER_JOB_LOOK_SECONDS)
            looks += 1
            try:
                self.look(is_thorough=looks % round(OWN_JOB_LOOK_SECONDS / OTHER_JOB_LOOK_SECONDS) == 0)
                if looks % round(GREETING_SECONDS / OTHER_JOB_LOOK_SECONDS) == 0:
                    self._greet_itself()
            except StoreUnavailable as error:
                log.warning("waiting jobs not looked at", extra={"detail": error.detail})

    def _greet_itself(self) -> None:
        """Say something that the subscription must hear; raises StoreUnavailable."""
        with store_errors():
            self._greet(keys=[self.reply_to], args=[])

    def look(self, *, is_thorough: bool) -> None:
        """Wake the requests whose jobs have ended, though nobody told; raises StoreUnavailable.

        is_thorough: look also at the jobs of which this process is told.
        """
        with self._readers_lock:
            asked = [
                job_id
                for job_id, readers in self._readers.items()
                if any(is_thorough or not reader.is_told for reader in readers)
            ]
        if is_thorough:
            asked += self._makers.copy()
        for start in range(0, len(asked), LOOK_JOBS):
            self.tell(dict.fromkeys(self._jobs.ended(asked[start : start + LOOK_JOBS])))

    @contextmanager
    def room(self) -> Iterator[bool]:
        """Take one of the places for waiting requests; False when all are taken."""
        try:
            place = self._free_places.pop()
        except IndexError:
            yield False
            return
        try:
            yield True
        finally:
            self._free_places.append(place)

    def maker_place(self, job_id: str) -> MakerPlace:
        """Take a place for the request that makes this job; the block gets None when all are taken.

        Take it before the job is accepted, so that its end cannot be missed.
        """
        return MakerPlace(job_id, self._makers, self._free_places)

    @contextmanager
    def reader_place(self, job_id: str, *, is_told: bool) -> Iterator[Waiter | None]:
        """Take a place to wait for a job that is there; None when all are taken. is_told: it names `reply_to`."""
        with self.room() as has_room:
            if not has_room:
                yield None
                return
            reader = Waiter(is_told=is_told)
            with self._readers_lock:
                self._readers.setdefault(job_id, []).append(reader)
            try:
                yield reader
            finally:
                with self._readers_lock:
                    self._readers[job_id].remove(reader)
                    if not self._readers[job_id]:
                        del self._readers[job_id]
