"""One point: a subject under load, what its clients saw, what its processes took, and how many messages it sent."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from redis import Redis

from benchmarks.measure import Measurement, ProcessWatch, find_name, read_states
from benchmarks.online_subjects import API, STORE, WORKER, OnlineSubject
from benchmarks.warm_process import Deadline, MeasurementFailed
from benchmarks.wrk import Load, put_under_load

#: A subject is quiet when its processes took less than this share of one core for so long.
_QUIET_SHARE = 0.15
_QUIET_SECONDS = 0.3
#: What is still to be done when the load ends takes at most so many times as long as the load.
_SETTLE_FACTOR = 10
_SETTLE_SECONDS = 60.0
_WARM_UP_SECONDS = 1
_WARM_UP_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Point:
    """A subject at one number of connections: one run, or the medians of several."""

    #: Answers, which are jobs where a job is polled until it is done.
    answers_per_second: float
    rows_per_second: float
    p50_seconds: float
    p99_seconds: float
    #: CPU seconds for 1,000 rows: all processes, and those that serve HTTP, predict, and hold the queue.
    cpu_seconds: float
    api_cpu_seconds: float
    worker_cpu_seconds: float
    store_cpu_seconds: float
    #: Messages on the queue for 1,000 rows; 0 without a queue.
    messages: float
    polls_per_answer: float
    #: Share of the processors' time that went to processes of nobody's.
    foreign_cpu_share: float

    @property
    def rows_per_message(self) -> float | None:
        return 1_000 / self.messages if self.messages else None


def warm_up(subject: OnlineSubject) -> None:
    """Load a subject a little, so that its threads and connections are there; raises MeasurementFailed."""
    with _naming(subject, _WARM_UP_CONNECTIONS), _awake(subject):
        put_under_load(subject.url, subject.script, connections=_WARM_UP_CONNECTIONS, seconds=_WARM_UP_SECONDS)
        _settle(subject, Deadline(_SETTLE_SECONDS))


def measure_point(subject: OnlineSubject, *, connections: int, seconds: int) -> Point:
    """Load a subject, and wait until it has done all that it took on; raises MeasurementFailed."""
    deadline = Deadline(_SETTLE_SECONDS + _SETTLE_FACTOR * seconds)
    messages = -count_messages(subject.store)
    with _naming(subject, connections), _awake(subject):
        with ProcessWatch(subject.watched()) as watch:
            load = put_under_load(subject.url, subject.script, connections=connections, seconds=seconds)
            if subject.answers_first:
                # What it accepted it must pay for.
                _settle(subject, deadline)
        messages += count_messages(subject.store)
        # Whoever comes next must not be slowed down by what is left.
        _settle(subject, deadline)
    return make_point(load, watch.measurement(load.answers * subject.rows), messages=messages)


@contextmanager
def _naming(subject: OnlineSubject, connections: int) -> Iterator[None]:
    """Let a failure say whose it is."""
    try:
        yield
    except MeasurementFailed as error:
        raise MeasurementFailed(f"{subject.name}, {connections} connections: {error}") from error


@contextmanager
def _awake(subject: OnlineSubject) -> Iterator[None]:
    """Let a restless subject run for the time of the block only."""
    if subject.restless_group is None:
        yield
        return
    os.killpg(subject.restless_group, signal.SIGCONT)
    try:
        yield
    finally:
        os.killpg(subject.restless_group, signal.SIGSTOP)


def count_messages(store: Redis | None) -> int:
    """Return how many messages were ever put on the queues of a server; Celery does it with LPUSH, nobody else."""
    if store is None:
        return 0
    return int(store.info("commandstats").get("cmdstat_lpush", {"calls": 0})["calls"])


def _settle(subject: OnlineSubject, deadline: Deadline) -> None:
    """Wait until a subject has nothing to do."""
    while not (subject.is_drained() and _is_quiet(subject)):
        deadline.remaining_seconds()


def _is_quiet(subject: OnlineSubject) -> bool:
    names = subject.watched()
    before = _cpu_seconds(names)
    time.sleep(_QUIET_SECONDS)
    return subject.restless_group is not None or _cpu_seconds(names) - before < _QUIET_SHARE * _QUIET_SECONDS


def _cpu_seconds(names: Mapping[int, str]) -> float:
    states = read_states()
    return sum(state.cpu_seconds for pid, state in states.items() if find_name(pid, states, names) is not None)


def make_point(load: Load, measurement: Measurement, *, messages: int) -> Point:
    """Put together what the clients saw and what the processes took; the rows are those of the measurement."""
    thousands = measurement.rows / 1_000
    return Point(
        answers_per_second=load.answers / load.seconds,
        rows_per_second=measurement.rows / load.seconds,
        p50_seconds=load.p50_seconds,
        p99_seconds=load.p99_seconds,
        cpu_seconds=measurement.cpu_seconds() / thousands,
        api_cpu_seconds=measurement.cpu_seconds(API) / thousands,
        worker_cpu_seconds=measurement.cpu_seconds(WORKER) / thousands,
        store_cpu_seconds=measurement.cpu_seconds(STORE) / thousands,
        messages=messages / thousands,
        polls_per_answer=load.polls / load.answers,
        foreign_cpu_share=measurement.foreign_cpu_share,
    )


def median_point(points: Sequence[Point]) -> Point:
    """Return the median of each field over the rounds."""
    names = Point.__dataclass_fields__
    return Point(**{name: median(getattr(point, name) for point in points) for name in names})
