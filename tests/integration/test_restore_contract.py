"""When a lost record is written again: the same tests for the Redis store and for the in-memory fake."""

from typing import Protocol

import pytest
from redis import Redis

from shared.job_store import JobStore, Verdict
from shared.jobs import Job, JobStatus
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.fakes import FakeJobStore, TimedRedisJobStore

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)
RETENTION = 3_600


class TimedJobStore(JobStore, Protocol):
    def let_time_pass(self, seconds: float) -> None: ...


@pytest.fixture(params=["redis", "fake"])
def jobs(request: pytest.FixtureRequest, settings: Settings, redis: Redis) -> TimedJobStore:
    short = settings.model_copy(update={"retention_seconds": RETENTION})
    return TimedRedisJobStore(redis, short) if request.param == "redis" else FakeJobStore(short)


def find(jobs: JobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def read_clock(jobs: JobStore) -> float:
    (accepted,) = jobs.accept([job_spec("prd_clock")])
    return accepted.created_at


def test_a_lost_job_is_queued_as_it_was_accepted(jobs: TimedJobStore) -> None:
    sent_at = read_clock(jobs) - 100
    spec = job_spec(deadline_seconds=600.0, reply_to="api-1")

    assert jobs.restore([spec], sent_at=sent_at) == 1
    job = find(jobs)
    assert (job.spec, job.status, job.attempt) == (spec, JobStatus.QUEUED, 0)
    assert job.created_at == pytest.approx(sent_at, abs=1e-5)
    assert job.deadline == pytest.approx(sent_at + 600, abs=1e-5)


def test_a_job_written_again_goes_its_way(jobs: TimedJobStore) -> None:
    jobs.restore([job_spec()], sent_at=read_clock(jobs))

    assert jobs.claim(["prd_a"], "t1") == [Verdict.CLAIMED]
    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1) == [True]
    assert find(jobs).outcome == success()


def test_a_job_written_again_is_swept_like_any_other(jobs: TimedJobStore) -> None:
    jobs.restore([job_spec()], sent_at=read_clock(jobs))
    jobs.let_time_pass(5)

    resent = jobs.sweep(EMPTY_QUEUES).resend

    assert [stuck.spec.id for stuck in resent if stuck.spec.id == "prd_a"] == ["prd_a"]


def test_a_record_that_is_there_stays_as_it_is(jobs: TimedJobStore) -> None:
    (accepted,) = jobs.accept([job_spec()])
    jobs.cancel("prd_a")

    assert jobs.restore([job_spec()], sent_at=accepted.created_at) == 0
    assert find(jobs).status is JobStatus.CANCELED


def test_a_lost_job_past_its_deadline_expires(jobs: TimedJobStore) -> None:
    jobs.restore([job_spec(deadline_seconds=60.0)], sent_at=read_clock(jobs) - 100)

    assert jobs.claim(["prd_a"], "t1") == [Verdict.FINAL]
    assert find(jobs).status is JobStatus.EXPIRED


@pytest.mark.parametrize(
    ("age", "restored"),
    [
        pytest.param(RETENTION - 60, 1, id="within the retention"),
        pytest.param(RETENTION - 5, 0, id="at its end"),
        pytest.param(RETENTION + 60, 0, id="past it"),
    ],
)
def test_a_record_that_may_have_run_out_is_not_lost(jobs: TimedJobStore, age: float, restored: int) -> None:
    assert jobs.restore([job_spec()], sent_at=read_clock(jobs) - age) == restored
