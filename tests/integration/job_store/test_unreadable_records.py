"""A record that is not whole keeps no other job from its turn; somebody else, or another release, wrote it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from shared.job_store import CancelVerdict, Verdict
from shared.jobs import Job, JobStatus
from shared.queues import Lane
from shared.settings import Settings
from shared.unreadable import RecordUnreadable
from tests.builders import job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES
from tests.timed_stores import TimedRedisJobStore

CANARY = "canary-7f3a"

Spoil = Callable[[Redis, str], Any]
SPOILS = [
    pytest.param(lambda redis, key: redis.set(key, CANARY), id="a text in its place"),
    *(
        pytest.param(lambda redis, key, name=name: redis.hdel(key, name), id=f"no {name}")
        for name in ("status", "spec", "attempt", "lane")
    ),
    *(
        pytest.param(lambda redis, key, name=name: redis.hset(key, name, CANARY), id=f"a strange {name}")
        for name in ("spec", "attempt")
    ),
]
each_spoil = pytest.mark.parametrize("spoil", SPOILS)


@pytest.fixture
def key(settings: Settings) -> str:
    return f"{settings.key_root}job:prd_bad"


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> TimedRedisJobStore:
    """A store with two jobs."""
    jobs = TimedRedisJobStore(redis, settings)
    jobs.accept([job_spec("prd_bad"), job_spec("prd_good")])
    return jobs


def find(jobs: TimedRedisJobStore) -> Job:
    job = jobs.find("prd_good")
    assert job is not None
    return job


def is_open(redis: Redis, settings: Settings) -> bool:
    """Say whether a set of open jobs names the spoiled one."""
    names = ("deadlines", "running", *(f"queued:{lane.value}" for lane in Lane))
    return any(redis.zscore(f"{settings.key_root}{name}", "prd_bad") is not None for name in names)


@each_spoil
def test_jobs_that_lost_their_message_are_sent_again_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    spoil(redis, key)
    jobs.let_time_pass(3)

    first = jobs.sweep(EMPTY_QUEUES)
    jobs.let_time_pass(3)
    second = jobs.sweep(EMPTY_QUEUES)

    assert "prd_good" in [stuck.spec.id for stuck in first.resend]
    assert "prd_good" in [stuck.spec.id for stuck in second.resend]


@each_spoil
def test_jobs_whose_worker_died_are_sent_again_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    jobs.claim(["prd_bad", "prd_good"], "t1")
    spoil(redis, key)
    jobs.let_time_pass(20)

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert ("prd_good", 1) in [(stuck.spec.id, stuck.attempt) for stuck in sweep.resend]


@each_spoil
def test_jobs_past_their_deadline_expire_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings, key: str, spoil: Spoil
) -> None:
    spoil(redis, key)
    jobs.let_time_pass(settings.deadline_seconds + 1)

    jobs.sweep(EMPTY_QUEUES)

    assert find(jobs).status is JobStatus.EXPIRED
    assert not is_open(redis, settings)


@pytest.mark.parametrize("field", ["status", "attempt", "allowed", "lane", "spec"])
def test_a_job_that_cannot_be_ended_is_left_alone_and_the_log_names_it(
    jobs: TimedRedisJobStore,
    redis: Redis,
    settings: Settings,
    key: str,
    field: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs.claim(["prd_bad"], "t1")
    redis.hset(key, "spec", CANARY)
    redis.hdel(key, field)
    jobs.let_time_pass(20)

    with caplog.at_level(logging.ERROR):
        jobs.sweep({})

    (entry,) = caplog.records
    assert (entry.message, vars(entry)["job_id"]) == ("job left alone, its record cannot be read", "prd_bad")
    assert CANARY not in caplog.text
    assert not is_open(redis, settings)
    assert 0 < int(redis.ttl(key)) <= settings.retention_seconds


@pytest.mark.parametrize("spoil", [*SPOILS[:2], SPOILS[3], SPOILS[4], SPOILS[6]])
def test_jobs_are_claimed_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    spoil(redis, key)

    assert jobs.claim(["prd_bad", "prd_good"], "t1") == [Verdict.UNKNOWN, Verdict.CLAIMED]


@each_spoil
def test_jobs_are_finished_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    jobs.claim(["prd_bad", "prd_good"], "t1")
    spoil(redis, key)

    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_bad": success(), "prd_good": success()}, "t1", busy_seconds=0.01)

    assert recorded[1] is True
    assert find(jobs).outcome == success()


@each_spoil
def test_leases_are_renewed_and_given_back_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    jobs.claim(["prd_bad", "prd_good"], "t1")
    spoil(redis, key)

    renewed = jobs.renew(["prd_bad", "prd_good"], "t1")
    released = jobs.release(["prd_bad", "prd_good"], "t1")

    assert renewed >= 1
    assert "prd_good" in [stuck.spec.id for stuck in released.jobs]


@each_spoil
def test_jobs_are_listed_and_followed_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    jobs.cancel("prd_good")
    spoil(redis, key)

    page = jobs.page("", limit=10)
    ended = jobs.ended(["prd_bad", "prd_good"])
    seen = jobs.glance(["job:prd_bad", "job:prd_good"])

    assert "prd_good" in [job.id for job in page.jobs]
    assert "prd_good" in ended
    assert len(seen) == 2


@pytest.mark.parametrize("spoil", SPOILS[2:4] + SPOILS[5:])
def test_a_job_that_is_not_whole_cannot_be_read_and_the_others_can(
    jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil
) -> None:
    spoil(redis, key)

    with pytest.raises(RecordUnreadable, match="job prd_bad"):
        jobs.find("prd_bad")

    assert find(jobs).status is JobStatus.QUEUED


@pytest.mark.parametrize("spoil", SPOILS[:2])
def test_what_has_no_status_is_no_job(jobs: TimedRedisJobStore, redis: Redis, key: str, spoil: Spoil) -> None:
    spoil(redis, key)

    assert jobs.find("prd_bad") is None


@pytest.mark.parametrize("name", ["running", "deadlines", "queued:interactive"])
def test_an_answer_never_changes_though_a_set_of_open_jobs_names_it(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings, name: str
) -> None:
    assert jobs.cancel("prd_good") is CancelVerdict.CANCELED
    redis.zadd(f"{settings.key_root}{name}", {"prd_good": 1.0})

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert (find(jobs).status, sweep.expired, sweep.resend) == (JobStatus.CANCELED, 0, [])
