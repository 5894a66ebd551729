"""How fast a lane is, is learned from what its workers take for their jobs; an outage says nothing of it."""

import pytest
from redis import Redis

from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.timed_stores import TimedRedisJobStore

WORKERS = 2


@pytest.fixture
def jobs(settings: Settings, redis: Redis) -> TimedRedisJobStore:
    """A store with two workers, one of which has taken 0.5 s for each of many jobs; two jobs wait."""
    store = TimedRedisJobStore(redis, settings)
    redis.zadd(f"{settings.key_root}workers:interactive", {f"w{number}": 4e9 for number in range(WORKERS)})
    store.accept([job_spec("prd_before")])
    work_off(store, "prd_before", busy_seconds=0.5)
    store.accept([job_spec("prd_a"), job_spec("prd_b")])
    return store


def work_off(store: TimedRedisJobStore, job_id: str, *, busy_seconds: float) -> None:
    store.claim([job_id], "t1")
    store.finish(Lane.INTERACTIVE, {job_id: success()}, "t1", busy_seconds=busy_seconds)


def wait_since_the_last_end(store: TimedRedisJobStore, redis: Redis, settings: Settings, seconds: float) -> None:
    """Let time pass in which the jobs of the fixture waited all along."""
    store.let_time_pass(seconds + 1.0)
    redis.hincrbyfloat(f"{settings.key_root}load:interactive", "at", 1.0)
    redis.zadd(f"{settings.key_root}workers:interactive", {f"w{number}": 4e9 for number in range(WORKERS)})


def last_end(redis: Redis, settings: Settings) -> float:
    """Return when a job of the lane ended last."""
    at = redis.hget(f"{settings.key_root}load:interactive", "at")
    assert at is not None
    return float(at)


def learned_seconds(store: TimedRedisJobStore) -> float:
    """Return what the store expects one worker to take for a job."""
    (next_one,) = store.accept([job_spec("prd_next")])
    assert next_one.queue.eta_seconds is not None
    return next_one.queue.eta_seconds / (next_one.queue.position + 1) * WORKERS


def test_the_time_between_calls_of_the_model_counts_where_jobs_waited(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings
) -> None:
    wait_since_the_last_end(jobs, redis, settings, 0.2)
    before = last_end(redis, settings)

    work_off(jobs, "prd_a", busy_seconds=0.1)

    # 0.2 s of two workers and what this test took, beside 0.5 s for the job before.
    between = last_end(redis, settings) - before
    assert between >= 0.2
    assert learned_seconds(jobs) == pytest.approx((0.5 + WORKERS * between) / 2, abs=0.02)


def test_the_time_before_a_job_came_does_not_count(jobs: TimedRedisJobStore) -> None:
    jobs.let_time_pass(1.5)
    jobs.accept([job_spec("prd_c")])

    work_off(jobs, "prd_c", busy_seconds=0.5)

    assert learned_seconds(jobs) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("seconds", [3.0, 600.0])
def test_an_outage_does_not_count(jobs: TimedRedisJobStore, redis: Redis, settings: Settings, seconds: float) -> None:
    wait_since_the_last_end(jobs, redis, settings, seconds)

    work_off(jobs, "prd_a", busy_seconds=0.5)

    assert learned_seconds(jobs) == pytest.approx(0.5, abs=0.01)


def test_one_pause_at_most_doubles_what_was_learned(jobs: TimedRedisJobStore, redis: Redis, settings: Settings) -> None:
    # Long enough to count for more than is believed, and far from an outage even where the test itself is slow.
    wait_since_the_last_end(jobs, redis, settings, 1.2)

    work_off(jobs, "prd_a", busy_seconds=0.1)

    assert learned_seconds(jobs) == pytest.approx(2 * 0.5, abs=0.05)


def test_a_model_that_got_slower_is_believed_at_once(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings
) -> None:
    wait_since_the_last_end(jobs, redis, settings, 10.0)

    work_off(jobs, "prd_a", busy_seconds=9.9)

    assert learned_seconds(jobs) > 4.0
