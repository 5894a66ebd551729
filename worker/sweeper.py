"""Sweeper: finds jobs whose message or worker was lost, and sends them again."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from redis import Redis
from redis.exceptions import RedisError

from shared.broker import Broker
from shared.errors import BrokerUnavailable, DependencyError
from shared.job_errors import JobErrorCode
from shared.job_store import JobStore
from shared.jobs import JobSpec
from shared.list_trimmer import ListTrimmer
from shared.queues import Lane
from shared.redis_client import Script
from shared.settings import Settings
from shared.sweeps import Stuck
from worker.housekeeping import Housekeeping
from worker.measures import Measures

log = logging.getLogger(__name__)

#: Most rows in one message of jobs whose message was lost.
MESSAGE_ROWS = 1_000

#: A server without memory left must still be swept: that is what frees it.
TAKE_TURN = "#!lua flags=allow-oom\nreturn redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1])"


class Sweeper:
    """One background thread in every worker; a lock in the store lets one of them work at a time."""

    def __init__(
        self,
        jobs: JobStore,
        broker: Broker,
        redis: Redis,
        settings: Settings,
        housekeeping: Housekeeping,
        measures: Measures | None = None,
    ) -> None:
        self._jobs = jobs
        self._measures = measures or Measures()
        self._housekeeping = housekeeping
        self._broker = broker
        self._take = Script(redis, TAKE_TURN)
        self._trimmer = ListTrimmer(redis, settings)
        self._interval = settings.sweep_interval_seconds
        self._lock_key = f"{settings.key_root}sweeper"
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            try:
                if self._take_turn():
                    self.sweep()
            except (DependencyError, RedisError) as error:
                log.warning("sweep failed, trying again", extra={"detail": str(error)})
            except Exception:
                # This thread keeps the promise for every job: no defect may end it in silence.
                log.exception("sweep failed on a defect, trying again")

    def _take_turn(self) -> bool:
        """Whoever sets the key sweeps; it runs out by itself, so a dead sweeper blocks nobody."""
        milliseconds = int(self._interval * 900)
        return bool(self._take(keys=[self._lock_key], args=[max(milliseconds, 1)]))

    def sweep(self) -> None:
        """Look once over all jobs and send again what is stuck; raises DependencyError."""
        found = self._jobs.sweep(self._find_oldest_messages())
        if found.resend or found.expired or found.quarantined:
            log.warning(
                "stuck jobs swept",
                extra={"resent": len(found.resend), "expired": found.expired, "quarantined": found.quarantined},
            )
            self._measures.resent(len(found.resend))
            self._measures.job_errors(JobErrorCode.WORKER_DIED, found.quarantined)
        for specs in group_for_resend(found.resend):
            self._broker.send(specs, enqueued_at=found.at)
        self._trimmer.run()
        # Last, so that a file store that is away delays nothing else.
        self._housekeeping.run()

    def _find_oldest_messages(self) -> Mapping[Lane, float | None]:
        """Without the broker nobody can tell which messages are lost, but deadlines and leases still count."""
        try:
            return self._broker.oldest_messages()
        except BrokerUnavailable as error:
            log.warning("queues not looked at", extra={"detail": error.detail})
            return {}


def group_for_resend(stuck: Sequence[Stuck]) -> Iterator[list[JobSpec]]:
    """Yield the jobs of each message to send.

    A job that a worker had claimed goes alone: it may be what killed the worker, and must not take others
    with it again. Jobs that only lost their message share one per model version and lane.
    """
    yield from ([one.spec] for one in stuck if one.attempt > 0 or one.spec.step)
    unclaimed = [one.spec for one in stuck if one.attempt == 0 and not one.spec.step]
    unclaimed.sort(key=lambda spec: (spec.model.key, spec.lane))
    for _key, specs in groupby(unclaimed, key=lambda spec: (spec.model.key, spec.lane)):
        yield from _split(list(specs))


def _split(specs: Sequence[JobSpec]) -> Iterator[list[JobSpec]]:
    message: list[JobSpec] = []
    rows = 0
    for spec in specs:
        if message and rows + len(spec.rows) > MESSAGE_ROWS:
            yield message
            message, rows = [], 0
        message.append(spec)
        rows += len(spec.rows)
    if message:
        yield message
