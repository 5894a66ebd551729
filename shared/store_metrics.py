"""StoreMetrics: what the store knows of the whole deployment, and the sums that workers report to it."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from redis import Redis

from shared.job_store import store_errors
from shared.metrics import (
    BATCHES_ENDED,
    BY_NAME,
    JOBS_ENDED,
    JOBS_QUARANTINED,
    JOBS_QUEUED,
    JOBS_RUNNING,
    OLDEST_QUEUED,
    WORKERS,
    Series,
    Totals,
)
from shared.queues import Lane
from shared.redis_client import Argument, Script, read_scripts
from shared.settings import Settings

_LANES = frozenset(lane.value for lane in Lane)
#: The number of a process's last report is kept for so long after it.
_REPORT_SECONDS = 3_600


class StoreMetrics:
    """Reads and adds to what is counted in the store; every operation raises StoreUnavailable."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._root = settings.key_root
        # A server without memory left must still be told of what happens, as it must be told of answers.
        self._report = Script(redis, read_scripts({"report": True}, "record")["report"])

    def report(self, process: str, number: int, growth: Totals) -> None:
        """Add to the sums of the deployment; the same report twice counts once.

        number: of this report of the process, from 1.
        """
        arguments: list[Argument] = [process, number, _REPORT_SECONDS]
        for field, amount in _fields_of(growth):
            arguments += [field, amount]
        with store_errors():
            self._report(keys=[self._root], args=arguments)

    def read(self) -> Totals:
        """Return everything that the store knows, in one round trip."""
        with store_errors(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for name in ("jobs_ended", "batches_ended", "counted"):
                pipeline.hgetall(f"{self._root}{name}")
            for name in ("running", "quarantine"):
                pipeline.zcard(f"{self._root}{name}")
            for lane in Lane:
                pipeline.zcard(f"{self._root}queued:{lane.value}")
                pipeline.zrange(f"{self._root}queued:{lane.value}", 0, 0, withscores=True)
                pipeline.zrange(f"{self._root}workers:{lane.value}", 0, -1, withscores=True)
            time, jobs_ended, batches_ended, counted, running, quarantined, *lanes = pipeline.execute()
        now = time[0] + time[1] / 1e6
        totals: Totals = {
            (JOBS_RUNNING.name,): [float(running)],
            (JOBS_QUARANTINED.name,): [float(quarantined)],
        }
        for lane, (queued, oldest, workers) in zip(Lane, zip(*[iter(lanes)] * 3, strict=True), strict=True):
            totals[JOBS_QUEUED.name, lane] = [float(queued)]
            totals[OLDEST_QUEUED.name, lane] = [max(0.0, now - oldest[0][1]) if oldest else 0.0]
            totals[WORKERS.name, lane] = [float(sum(until >= now for _worker, until in workers))]
        for how, number in jobs_ended.items():
            lane_name, _, status = how.decode(errors="replace").partition(":")
            # A record that somebody else wrote may name any lane.
            if lane_name in _LANES:
                totals[JOBS_ENDED.name, lane_name, status] = [float(number)]
        for status, number in batches_ended.items():
            totals[BATCHES_ENDED.name, status.decode()] = [float(number)]
        return totals | _read_fields(counted)


def _fields_of(growth: Totals) -> Iterator[tuple[bytes, float]]:
    """Yield a field of the hash for each number that grew; a name for each bucket, because bounds may change."""
    for series, amounts in growth.items():
        for cell, amount in zip(BY_NAME[series[0]].cells, amounts, strict=True):
            if amount:
                yield orjson.dumps([*series, cell]), amount


def _read_fields(counted: Mapping[bytes, Any]) -> Totals:
    """Return the sums; what another release counts and this one does not know is left out."""
    totals: Totals = {}
    for field, amount in counted.items():
        *names, cell = orjson.loads(field)
        series: Series = tuple(names)
        metric = BY_NAME.get(series[0])
        if metric is None or cell not in metric.cells or len(names) != 1 + len(metric.labels):
            continue
        numbers = totals.setdefault(series, [0.0] * len(metric.cells))
        numbers[metric.cells.index(cell)] = float(amount)
    return totals
