"""Lists of jobs are no longer than what is kept of their jobs, and pages go on where they were."""

import pytest
from redis import Redis

from shared.list_trimmer import TRIM_JOBS, TRIM_SCRIPTS, ListTrimmer
from shared.settings import Settings
from tests.builders import job_spec
from tests.timed_stores import TimedRedisJobStore


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> TimedRedisJobStore:
    return TimedRedisJobStore(redis, settings)


@pytest.fixture
def trimmer(redis: Redis, settings: Settings) -> ListTrimmer:
    return ListTrimmer(redis, settings)


def accept(jobs: TimedRedisJobStore, *job_ids: str) -> None:
    jobs.accept([job_spec(job_id, owner="ada") for job_id in job_ids])


def delete(jobs: TimedRedisJobStore, *job_ids: str) -> None:
    for job_id in job_ids:
        jobs.delete(job_id)


def listed(redis: Redis, settings: Settings) -> list[str]:
    (key,) = redis.keys(f"{settings.key_root}made:ada:*") or [b"none"]
    return [bytes(job_id).decode() for job_id in redis.lrange(key, 0, -1)]  # type: ignore[arg-type]  # Answers bytes.


@pytest.mark.parametrize(
    ("deleted", "left"),
    [
        pytest.param([], ["prd_a", "prd_b", "prd_c"], id="none"),
        pytest.param(["prd_a", "prd_b"], ["prd_c"], id="the oldest"),
        pytest.param(["prd_a", "prd_b", "prd_c"], [], id="all"),
        pytest.param(["prd_b", "prd_c"], ["prd_a", "prd_b", "prd_c"], id="all but the oldest, which keeps them"),
        pytest.param(["prd_a", "prd_c"], ["prd_b", "prd_c"], id="some"),
    ],
)
def test_what_has_no_record_any_more_goes(
    jobs: TimedRedisJobStore,
    trimmer: ListTrimmer,
    redis: Redis,
    settings: Settings,
    deleted: list[str],
    left: list[str],
) -> None:
    accept(jobs, "prd_a", "prd_b", "prd_c")
    delete(jobs, *deleted)

    trimmer.run()

    assert listed(redis, settings) == left


def test_a_page_goes_on_where_the_one_before_ended_though_its_list_was_trimmed(
    jobs: TimedRedisJobStore, trimmer: ListTrimmer
) -> None:
    accept(jobs, "prd_a", "prd_b", "prd_c", "prd_d")
    first = jobs.page("ada", limit=1)
    delete(jobs, "prd_a", "prd_b")
    trimmer.run()

    second = jobs.page("ada", limit=2, cursor=first.next_cursor or "")

    assert [job.id for job in first.jobs] == ["prd_d"]
    assert ([job.id for job in second.jobs], second.next_cursor) == (["prd_c"], None)


def test_a_page_of_a_trimmed_list_is_followed_by_the_next(jobs: TimedRedisJobStore, trimmer: ListTrimmer) -> None:
    accept(jobs, "prd_gone", "prd_a", "prd_b")
    delete(jobs, "prd_gone")
    trimmer.run()
    first = jobs.page("ada", limit=1)

    second = jobs.page("ada", limit=1, cursor=first.next_cursor or "")

    assert [[job.id for job in page.jobs] for page in (first, second)] == [["prd_b"], ["prd_a"]]


def test_a_list_that_was_emptied_takes_new_jobs(jobs: TimedRedisJobStore, trimmer: ListTrimmer) -> None:
    accept(jobs, "prd_a")
    delete(jobs, "prd_a")
    trimmer.run()

    accept(jobs, "prd_b", "prd_c")

    assert [job.id for job in jobs.page("ada", limit=10).jobs] == ["prd_c", "prd_b"]


def test_a_long_list_is_trimmed_in_pieces_that_hold_the_server_shortly(
    jobs: TimedRedisJobStore, trimmer: ListTrimmer, redis: Redis, settings: Settings
) -> None:
    gone = [f"prd_{number}" for number in range(TRIM_JOBS * TRIM_SCRIPTS + 1)]
    accept(jobs, "prd_first")
    delete(jobs, "prd_first")
    redis.rpush(redis.keys(f"{settings.key_root}made:ada:*")[0], *gone)

    trimmer.run()
    after_one_run = len(listed(redis, settings))
    trimmer.run()

    assert (0 < after_one_run < TRIM_JOBS, listed(redis, settings)) == (True, [])


def test_nothing_stays_of_a_list_that_is_over(
    jobs: TimedRedisJobStore, trimmer: ListTrimmer, redis: Redis, settings: Settings
) -> None:
    root = settings.key_root
    accept(jobs, "prd_a", "prd_b")
    redis.rename(redis.keys(f"{root}made:ada:*")[0], f"{root}made:ada:1")
    redis.delete(f"{root}lists")
    redis.zadd(f"{root}lists", {"made:ada:1": 0.0})
    delete(jobs, "prd_a")
    trimmer.run()
    is_trimmed = redis.hget(f"{root}lists_trimmed", "made:ada:1")
    delete(jobs, "prd_b")
    jobs.let_time_pass(60)

    trimmer.run()

    assert is_trimmed == b"1"
    assert redis.exists(f"{root}made:ada:1", f"{root}lists", f"{root}lists_trimmed") == 0
