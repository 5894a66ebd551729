"""Who waits for which job: one subscription per API process wakes all of its waiting requests.

A lost notification only costs time: every waiter also looks at the record now and then.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

from shared.job_store import JobStore
from shared.jobs import Job
from shared.settings import Settings

log = logging.getLogger(__name__)

#: How often a waiter looks at the record of a job that this process asked for, and of any other job.
OWN_JOB_LOOK_SECONDS = 1.0
OTHER_JOB_LOOK_SECONDS = 0.25
_RECONNECT_SECONDS = 0.5


class Waiters:
    """The waiting requests of this API process."""

    def __init__(self, jobs: JobStore, redis: Redis, settings: Settings) -> None:
        self._jobs = jobs
        self._redis = redis
        self._events: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(settings.max_waiters)
        #: Channel on which workers tell this process that its jobs are final.
        self.reply_to = f"{settings.key_root}finished:{secrets.token_hex(8)}"

    def start(self) -> None:
        """Start to listen; the thread lives as long as the process."""
        threading.Thread(target=self._listen, name="waiters", daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                    subscription.subscribe(self.reply_to)
                    while True:
                        message = subscription.get_message(timeout=5.0)
                        if message is not None:
                            self.wake(message["data"].decode(errors="replace").split())
            except RedisError as error:
                log.warning("notifications interrupted, connecting again", extra={"detail": type(error).__name__})
                time.sleep(_RECONNECT_SECONDS)

    def wake(self, job_ids: list[str]) -> None:
        """Wake every request that waits for one of these jobs."""
        with self._lock:
            for job_id in job_ids:
                for event in self._events.get(job_id, ()):
                    event.set()

    @contextmanager
    def place(self, job_id: str) -> Iterator[threading.Event | None]:
        """Take one of the places for waiting requests; None when all are taken.

        Take it before the job is accepted, so that its end cannot be missed.
        """
        if not self._places.acquire(blocking=False):
            yield None
            return
        event = threading.Event()
        with self._lock:
            self._events.setdefault(job_id, []).append(event)
        try:
            yield event
        finally:
            with self._lock:
                self._events[job_id].remove(event)
                if not self._events[job_id]:
                    del self._events[job_id]
            self._places.release()

    def wait(self, job_id: str, event: threading.Event, *, seconds: float, is_own: bool) -> Job | None:
        """Return the job when it is final, or as it stands after `seconds`; raises StoreUnavailable.

        is_own: workers tell this process when the job is final; of others it must find out itself.
        """
        until = time.monotonic() + seconds
        look_seconds = OWN_JOB_LOOK_SECONDS if is_own else OTHER_JOB_LOOK_SECONDS
        while True:
            left = until - time.monotonic()
            event.wait(max(0.0, min(look_seconds, left)))
            event.clear()
            job = self._jobs.find(job_id)
            if job is None or job.status.is_final or time.monotonic() >= until:
                return job
