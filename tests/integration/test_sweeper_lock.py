"""One sweeper at a time, whichever workers live: the lock is in the real store."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Queue

import pytest
from redis import Redis

from shared.batch_store import RedisBatchStore
from shared.errors import BrokerUnavailable
from shared.file_store import LocalFileStore
from shared.jobs import JobSpec
from shared.settings import Settings
from tests.builders import job_spec
from tests.fakes import FakeBroker, FakeJobStore
from worker.housekeeping import Housekeeping
from worker.sweeper import Sweeper


class WaitedForBroker(FakeBroker):
    """Fails once, then hands what was sent to a test that waits for it."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.arrived: Queue[list[JobSpec]] = Queue()
        self._failures = [failure]

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        if self._failures:
            raise self._failures.pop()
        self.arrived.put(list(specs))


def make_sweeper(redis: Redis, settings: Settings) -> Sweeper:
    return Sweeper(FakeJobStore(settings), FakeBroker(), redis, settings, make_housekeeping(redis, settings))


def make_housekeeping(redis: Redis, settings: Settings) -> Housekeeping:
    """Housekeeping that finds nothing to do, so that its files are never looked at."""
    return Housekeeping(RedisBatchStore(redis, settings), LocalFileStore(Path("nowhere")))


def test_of_two_sweepers_only_one_takes_the_turn(redis: Redis, settings: Settings) -> None:
    first, second = make_sweeper(redis, settings), make_sweeper(redis, settings)

    turns = [first._take_turn(), second._take_turn(), first._take_turn()]

    assert turns == [True, False, False]


def test_sweepers_of_two_deployments_do_not_wait_for_each_other(redis: Redis, settings: Settings) -> None:
    neighbour = settings.model_copy(update={"key_prefix": f"{settings.key_prefix}-neighbour"})

    turns = [make_sweeper(redis, one)._take_turn() for one in (settings, neighbour)]

    assert turns == [True, True]


def test_a_turn_runs_out_before_the_next_is_due(redis: Redis, settings: Settings) -> None:
    make_sweeper(redis, settings)._take_turn()

    (key,) = redis.scan_iter(f"{settings.key_root}*")

    assert 0 < redis.pttl(key) < 1_000 * settings.sweep_interval_seconds


def test_the_turn_of_a_sweeper_that_died_is_taken_by_another(redis: Redis, settings: Settings) -> None:
    make_sweeper(redis, settings)._take_turn()
    (key,) = redis.scan_iter(f"{settings.key_root}*")
    redis.pexpire(key, 0)

    assert make_sweeper(redis, settings)._take_turn()


@pytest.fixture
def start(redis: Redis, settings: Settings) -> Iterator[Callable[[WaitedForBroker], None]]:
    """Starts a sweeper in its own thread, with one job that nobody ever sent."""
    fast = settings.model_copy(update={"sweep_interval_seconds": 0.005, "resend_after_seconds": 0.0})
    jobs = FakeJobStore(fast)
    jobs.accept([job_spec("prd_a")])
    started: list[Sweeper] = []

    def start_sweeper(broker: WaitedForBroker) -> None:
        started.append(Sweeper(jobs, broker, redis, fast, make_housekeeping(redis, fast)))
        started[-1].start()

    yield start_sweeper
    for sweeper in started:
        sweeper.stop()


@pytest.mark.parametrize(
    ("failure", "level", "text"),
    [
        pytest.param(BrokerUnavailable(), logging.WARNING, "sweep failed, trying again", id="outage"),
        pytest.param(RuntimeError(), logging.ERROR, "sweep failed on a defect, trying again", id="defect"),
    ],
)
def test_a_sweeper_logs_what_failed_and_goes_on(
    start: Callable[[WaitedForBroker], None],
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    level: int,
    text: str,
) -> None:
    broker = WaitedForBroker(failure)

    start(broker)

    assert broker.arrived.get(timeout=10) == [job_spec("prd_a")]
    assert (level, text) in [(record.levelno, record.message) for record in caplog.records]
