"""What the tests of both job stores share: the same tests for the Redis store and for the in-memory fake."""

from typing import Protocol

import pytest
from redis import Redis

from shared.job_store import JobStore
from shared.jobs import Job, Outcome
from shared.queues import Lane
from shared.settings import Settings
from tests.fakes import FakeJobStore
from tests.timed_stores import TimedRedisJobStore

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)


class TimedJobStore(JobStore, Protocol):
    def let_time_pass(self, seconds: float) -> None: ...


@pytest.fixture(params=["redis", "fake"])
def jobs(request: pytest.FixtureRequest, settings: Settings, redis: Redis) -> TimedJobStore:
    return TimedRedisJobStore(redis, settings) if request.param == "redis" else FakeJobStore(settings)


def find(jobs: JobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def finish(jobs: JobStore, outcome: Outcome, job_id: str = "prd_a", token: str = "t1") -> None:
    jobs.claim([job_id], token)
    assert jobs.finish(Lane.INTERACTIVE, {job_id: outcome}, token, busy_seconds=0.01) == [True]
