"""What the store knows of the whole deployment."""

import pytest
from redis import Redis

from shared.job_store import RedisJobStore
from shared.jobs import JobStatus, Outcome
from shared.metrics import (
    BATCHES_ENDED,
    JOBS_ENDED,
    JOBS_QUEUED,
    JOBS_RUNNING,
    MESSAGE_ROWS,
    OLDEST_QUEUED,
    ROWS,
    WORKERS,
    Totals,
)
from shared.queues import Lane
from shared.registry import RedisRegistry
from shared.settings import Settings
from shared.store_metrics import StoreMetrics
from tests.builders import job_spec, manifest

SUCCEEDED = Outcome(JobStatus.SUCCEEDED, predictions=[])
PREDICTED = (ROWS.name, "bulk", "predicted")


@pytest.fixture
def store(redis: Redis, settings: Settings) -> StoreMetrics:
    return StoreMetrics(redis, settings)


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> RedisJobStore:
    return RedisJobStore(redis, settings)


def ended(totals: Totals) -> dict[tuple[str, ...], float]:
    return {series[1:]: numbers[0] for series, numbers in totals.items() if series[0] == JOBS_ENDED.name}


def test_a_store_that_is_new_knows_no_jobs(store: StoreMetrics) -> None:
    totals = store.read()

    assert totals[JOBS_QUEUED.name, "interactive"] == totals[JOBS_RUNNING.name,] == [0.0]
    assert totals[OLDEST_QUEUED.name, "bulk"] == totals[WORKERS.name, "bulk"] == [0.0]


def test_jobs_that_wait_are_counted_in_their_lane(store: StoreMetrics, jobs: RedisJobStore) -> None:
    jobs.accept([job_spec("a"), job_spec("b")])
    jobs.accept([job_spec("c", lane=Lane.BULK)])

    totals = store.read()

    assert (totals[JOBS_QUEUED.name, "interactive"], totals[JOBS_QUEUED.name, "bulk"]) == ([2.0], [1.0])


def test_the_age_is_that_of_the_job_that_waits_longest(
    store: StoreMetrics, jobs: RedisJobStore, redis: Redis, settings: Settings
) -> None:
    jobs.accept([job_spec("old"), job_spec("young")])
    redis.zincrby(f"{settings.key_root}queued:interactive", -100.0, "old")

    (seconds,) = store.read()[OLDEST_QUEUED.name, "interactive"]

    assert 100.0 <= seconds < 130.0


def test_a_job_in_hand_runs_and_waits_no_more(store: StoreMetrics, jobs: RedisJobStore) -> None:
    jobs.accept([job_spec("a")])
    jobs.claim(["a"], "t1")

    totals = store.read()

    assert (totals[JOBS_RUNNING.name,], totals[JOBS_QUEUED.name, "interactive"]) == ([1.0], [0.0])


def test_a_job_that_ends_is_counted_once_though_its_end_is_told_twice(store: StoreMetrics, jobs: RedisJobStore) -> None:
    jobs.accept([job_spec("a"), job_spec("b")])
    jobs.claim(["a", "b"], "t1")

    jobs.finish(Lane.INTERACTIVE, {"a": SUCCEEDED, "b": SUCCEEDED}, "t1", busy_seconds=0.1)
    jobs.finish(Lane.INTERACTIVE, {"a": SUCCEEDED, "b": SUCCEEDED}, "t1", busy_seconds=0.1)

    assert ended(store.read()) == {("interactive", "succeeded"): 2.0}


def test_a_job_canceled_while_it_runs_counts_as_canceled(store: StoreMetrics, jobs: RedisJobStore) -> None:
    jobs.accept([job_spec("a")])
    jobs.claim(["a"], "t1")
    jobs.cancel("a")
    jobs.finish(Lane.INTERACTIVE, {"a": SUCCEEDED}, "t1", busy_seconds=0.1)

    assert ended(store.read()) == {("interactive", "canceled"): 1.0}


def test_a_worker_is_alive_until_it_says_goodbye(store: StoreMetrics, redis: Redis, settings: Settings) -> None:
    registry = RedisRegistry(redis, settings)
    registry.announce("w1", [Lane.BULK], [manifest()])
    alive = store.read()[WORKERS.name, "bulk"]

    registry.withdraw("w1")

    assert (alive, store.read()[WORKERS.name, "bulk"]) == ([1.0], [0.0])


def test_a_worker_that_was_not_heard_of_is_not_alive(store: StoreMetrics, redis: Redis, settings: Settings) -> None:
    RedisRegistry(redis, settings).announce("w1", [Lane.BULK], [manifest()])
    redis.zincrby(f"{settings.key_root}workers:bulk", -60.0, "w1")

    assert store.read()[WORKERS.name, "bulk"] == [0.0]


def test_reports_add_up(store: StoreMetrics) -> None:
    store.report("w1", 1, {PREDICTED: [2.0]})
    store.report("w1", 2, {PREDICTED: [3.0]})
    store.report("w2", 1, {PREDICTED: [4.0]})

    assert store.read()[PREDICTED] == [9.0]


def test_a_report_that_comes_twice_counts_once(store: StoreMetrics) -> None:
    store.report("w1", 1, {PREDICTED: [2.0]})
    store.report("w1", 1, {PREDICTED: [2.0]})

    assert store.read()[PREDICTED] == [2.0]


def test_a_histogram_comes_back_as_it_was_reported(store: StoreMetrics) -> None:
    numbers = [float(number) for number in range(len(MESSAGE_ROWS.cells))]

    store.report("w1", 1, {(MESSAGE_ROWS.name,): numbers})

    assert store.read()[MESSAGE_ROWS.name,] == numbers


def test_what_another_release_counts_is_left_out(store: StoreMetrics, redis: Redis, settings: Settings) -> None:
    key = f"{settings.key_root}counted"
    redis.hset(key, '["rowcall_of_tomorrow_total",""]', 1)
    redis.hset(key, f'["{MESSAGE_ROWS.name}","3.0"]', 1)
    redis.hset(key, f'["{ROWS.name}","bulk",""]', 1)
    store.report("w1", 1, {PREDICTED: [2.0]})

    totals = store.read()

    assert totals[PREDICTED] == [2.0]
    assert {
        series for series in totals if series[0] in {MESSAGE_ROWS.name, ROWS.name, "rowcall_of_tomorrow_total"}
    } == {PREDICTED}


@pytest.mark.usefixtures("full_server")
def test_a_full_server_still_hears_reports(store: StoreMetrics) -> None:
    store.report("w1", 1, {PREDICTED: [2.0]})

    assert store.read()[PREDICTED] == [2.0]


def test_no_file_has_ended_yet(store: StoreMetrics) -> None:
    assert [series for series in store.read() if series[0] == BATCHES_ENDED.name] == []


def test_ends_in_lanes_that_nobody_knows_are_left_out(store: StoreMetrics, redis: Redis, settings: Settings) -> None:
    redis.hset(f"{settings.key_root}jobs_ended", mapping={"a:strange:lane": 1, "another": 1, "bulk:failed": 2})

    assert ended(store.read()) == {("bulk", "failed"): 2.0}
