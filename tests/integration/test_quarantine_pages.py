"""The quarantine page by page, on a real server."""

import pytest
from redis import Redis

from shared.quarantine import CursorInvalid, RedisQuarantine
from shared.settings import Settings
from shared.unreadable import RecordUnreadable
from tests.builders import job_spec
from tests.fakes import TimedRedisJobStore


@pytest.fixture
def quarantine(redis: Redis, settings: Settings) -> RedisQuarantine:
    return RedisQuarantine(redis, settings)


def set_aside(jobs: TimedRedisJobStore, *job_ids: str) -> None:
    """Set jobs aside in one sweep."""
    jobs.accept([job_spec(job_id, max_attempts=1) for job_id in job_ids])
    jobs.claim(job_ids, "t1")
    jobs.let_time_pass(60)
    jobs.sweep({})


def ids(quarantine: RedisQuarantine, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    page = quarantine.page(cursor, limit=limit)
    return [one.id for one in page.jobs], page.next_cursor


def test_pages_follow_each_other_without_gap_or_repetition(
    jobs: TimedRedisJobStore, quarantine: RedisQuarantine
) -> None:
    set_aside(jobs, "prd_a", "prd_b", "prd_c")
    set_aside(jobs, "prd_d", "prd_e")

    first, after_first = ids(quarantine, None, 2)
    second, after_second = ids(quarantine, after_first, 2)
    third, after_third = ids(quarantine, after_second, 2)

    assert [first, second, third] == [["prd_a", "prd_b"], ["prd_c", "prd_d"], ["prd_e"]]
    assert after_third is None


def test_a_page_that_ends_with_the_last_job_is_the_last(jobs: TimedRedisJobStore, quarantine: RedisQuarantine) -> None:
    set_aside(jobs, "prd_a", "prd_b")

    assert ids(quarantine, None, 2) == (["prd_a", "prd_b"], None)


def test_a_job_that_left_between_two_pages_hides_no_other(
    jobs: TimedRedisJobStore, quarantine: RedisQuarantine
) -> None:
    set_aside(jobs, "prd_a", "prd_b", "prd_c")
    _, cursor = ids(quarantine, None, 2)
    gone = quarantine.find("prd_b")
    assert gone is not None
    quarantine.drop(gone)

    assert ids(quarantine, cursor, 2) == (["prd_c"], None)


@pytest.mark.parametrize(
    "cursor", ["", "12.5", "soon~prd_a", "nan~prd_a"], ids=["empty", "half of one", "no moment", "not a number"]
)
def test_a_cursor_of_somebody_else_is_refused(quarantine: RedisQuarantine, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        quarantine.page(cursor)


def test_a_job_past_its_retention_is_gone(
    jobs: TimedRedisJobStore, quarantine: RedisQuarantine, settings: Settings
) -> None:
    set_aside(jobs, "prd_a")

    jobs.let_time_pass(settings.quarantine_retention_seconds + 1)

    assert ids(quarantine, None, 2) == ([], None)


def test_a_job_that_cannot_be_read_hides_no_other(
    jobs: TimedRedisJobStore, quarantine: RedisQuarantine, redis: Redis, settings: Settings
) -> None:
    set_aside(jobs, "prd_a", "prd_b", "prd_c")
    redis.hset(f"{settings.key_root}job:prd_b", "spec", "canary-7f3a")

    listed = ids(quarantine, None, 10)

    assert listed == (["prd_a", "prd_c"], None)
    with pytest.raises(RecordUnreadable, match="job prd_b"):
        quarantine.find("prd_b")
