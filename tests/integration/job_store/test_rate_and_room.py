"""A rate and a longest wait hold together: what was accepted before is told, then the rate decides, then the room."""

from typing import Any

import pytest
from redis import Redis

from shared.job_store import Accepted
from shared.job_terms import Earlier, RetryVerdict
from shared.jobs import JobSpec, Once
from shared.queues import Lane
from shared.rates import Rate
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.timed_stores import TimedRedisJobStore

#: One worker takes a second for a job, and a new job may take 4 of the 8 seconds.
LIMIT_SECONDS = 8.0
ROOM = 4
#: One request in ten seconds, and three at once: slow enough that a test takes no time.
ADA = Rate("ada", 0.3)
BURST = 3


class Told:
    """What the store tells of buckets."""

    def __init__(self) -> None:
        self.left: list[int] = []

    def __call__(self, rate: Rate, debt_seconds: float) -> None:
        self.left.append(rate.left(debt_seconds))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def jobs(settings: Settings, redis: Redis, told: Told) -> TimedRedisJobStore:
    """A store that knows how fast a worker is, and has no room left."""
    limited = settings.model_copy(update={"max_queue_seconds": LIMIT_SECONDS})
    store = TimedRedisJobStore(redis, limited, on_debt=told)
    store.accept([job_spec("prd_before")])
    end(store, "prd_before", succeeded=True)
    store.accept(several("full", ROOM))
    return store


def end(store: TimedRedisJobStore, *job_ids: str, succeeded: bool) -> None:
    """Do what a worker does for a second with each job."""
    store.claim(job_ids, "t1")
    outcomes = dict.fromkeys(job_ids, success() if succeeded else failure())
    store.finish(Lane.INTERACTIVE, outcomes, "t1", busy_seconds=1.0 * len(job_ids))


def work_off(store: TimedRedisJobStore) -> None:
    """Make room."""
    end(store, *(f"prd_full{number}" for number in range(ROOM)), succeeded=True)


def several(name: str, count: int, **overrides: Any) -> list[JobSpec]:
    """Return jobs that are like no other."""
    return [
        job_spec(f"prd_{name}{number}", **{"rows": [[float(int.from_bytes(name.encode())), number]], **overrides})
        for number in range(count)
    ]


def reasons(accepted: list[Accepted]) -> list[str]:
    """Say for each job what became of it."""
    return ["new" if one.is_new else "rate" if one.is_spent else "room" for one in accepted]


def has_line(settings: Settings, redis: Redis) -> bool:
    return redis.exists(f"{settings.key_root}turns:interactive") == 1


def test_a_job_for_which_there_is_no_room_costs_nothing_of_the_rate(
    settings: Settings, jobs: TimedRedisJobStore, redis: Redis
) -> None:
    refused = jobs.accept(several("a", BURST + 2, rate=ADA))

    accepted = TimedRedisJobStore(redis, settings).accept(several("b", BURST + 1, rate=ADA))

    assert reasons(refused) == ["room"] * (BURST + 2)
    assert reasons(accepted) == ["new"] * BURST + ["rate"]
    assert has_line(settings, redis)


def test_who_is_refused_for_room_is_told_what_is_left_of_its_rate(jobs: TimedRedisJobStore, told: Told) -> None:
    jobs.accept(several("a", 2, rate=ADA))

    assert told.left == [BURST]


def test_a_job_over_its_rate_for_which_there_is_no_room_is_refused_for_its_rate(
    settings: Settings, jobs: TimedRedisJobStore, redis: Redis
) -> None:
    spend(settings, redis)

    assert reasons(jobs.accept(several("a", 1, rate=ADA))) == ["rate"]


def test_who_is_over_its_rate_stands_in_no_line(settings: Settings, jobs: TimedRedisJobStore, redis: Redis) -> None:
    spend(settings, redis)

    jobs.accept(several("a", 3, rate=ADA))

    assert not has_line(settings, redis)


def test_in_one_group_the_room_goes_to_those_who_are_within_their_rate(
    settings: Settings, jobs: TimedRedisJobStore, redis: Redis
) -> None:
    spend(settings, redis)
    work_off(jobs)

    accepted = jobs.accept([*several("a", ROOM, rate=ADA), *several("b", ROOM + 1)])

    assert reasons(accepted) == ["rate"] * ROOM + ["new"] * ROOM + ["room"]


def test_what_was_accepted_before_is_told_when_there_is_neither(
    settings: Settings, jobs: TimedRedisJobStore, redis: Redis
) -> None:
    once = Once("key-of-ada", "digest")
    unlimited = TimedRedisJobStore(redis, settings)
    unlimited.accept([job_spec("prd_first", rate=ADA, once=once), *several("spent", BURST - 1, rate=ADA)])

    (replayed,) = jobs.accept([job_spec("prd_again", rate=ADA, once=once)])

    assert replayed.earlier == Earlier("prd_first", is_same=True)


@pytest.mark.parametrize("once", [None, Once("k1", "d1")], ids=["no terms", "an idempotency key"])
def test_a_client_with_a_rate_is_not_kept_waiting_for_longer_than_it_would(
    jobs: TimedRedisJobStore, once: Once | None
) -> None:
    work_off(jobs)
    jobs.accept(several("ahead", 2))

    (hurried,) = jobs.accept(several("a", 1, rate=ADA, patience_seconds=2.0, once=once))
    (patient,) = jobs.accept(several("b", 1, rate=ADA, patience_seconds=7.0, once=once))

    assert reasons([hurried, patient]) == ["room", "new"]


def test_a_retry_for_which_there_is_no_room_costs_nothing_of_the_rate(
    settings: Settings, jobs: TimedRedisJobStore, told: Told
) -> None:
    fail(settings, jobs)

    verdict, seconds = jobs.retry(job_spec("prd_failed"), "r1", rate=ADA)

    assert (verdict, seconds > 1.0, told.left) == (RetryVerdict.FULL, True, [BURST])


def test_a_retry_over_its_rate_for_which_there_is_no_room_is_refused_for_its_rate(
    settings: Settings, jobs: TimedRedisJobStore, redis: Redis
) -> None:
    fail(settings, jobs)
    spend(settings, redis)

    verdict, _ = jobs.retry(job_spec("prd_failed"), "r1", rate=ADA)

    assert (verdict, has_line(settings, redis)) == (RetryVerdict.SPENT, False)


def test_a_retry_for_which_there_is_room_counts_once_however_often_it_is_sent(
    settings: Settings, jobs: TimedRedisJobStore, told: Told
) -> None:
    fail(settings, jobs)
    work_off(jobs)

    verdicts = [jobs.retry(job_spec("prd_failed"), "r1", rate=ADA)[0] for _ in range(2)]

    assert (verdicts, told.left) == ([RetryVerdict.QUEUED] * 2, [BURST - 1])


def spend(settings: Settings, redis: Redis) -> None:
    """Take every request from the bucket, in a lane that predictions do not wait in."""
    unlimited = TimedRedisJobStore(redis, settings)
    unlimited.accept(several("spent", BURST, rate=ADA, lane=Lane.BULK))


def fail(settings: Settings, jobs: TimedRedisJobStore) -> None:
    """Leave a failed job behind."""
    unlimited = TimedRedisJobStore(jobs.redis, settings)
    unlimited.accept([job_spec("prd_failed")])
    end(jobs, "prd_failed", succeeded=False)
