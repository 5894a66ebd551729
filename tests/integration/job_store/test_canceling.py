"""What every JobStore must do when a job is to be canceled."""

from shared.job_store import CancelVerdict, Verdict
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, find


def test_a_queued_job_is_canceled_at_once(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])

    assert jobs.cancel("prd_a") is CancelVerdict.CANCELED
    assert jobs.cancel("prd_a") is CancelVerdict.CANCELED
    assert find(jobs).status is JobStatus.CANCELED
    assert jobs.claim(["prd_a"], "t1") == [Verdict.FINAL]


def test_a_running_job_is_canceled_when_its_worker_is_done(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")

    verdict = jobs.cancel("prd_a")
    requested = find(jobs).cancel_requested
    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)

    assert (verdict, requested, recorded) == (CancelVerdict.RUNNING, True, [True])
    assert find(jobs).status is JobStatus.CANCELED


def test_a_running_job_is_canceled_when_its_worker_died(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")
    jobs.let_time_pass(11)

    assert jobs.sweep(EMPTY_QUEUES).resend == []
    assert find(jobs).status is JobStatus.CANCELED


def test_a_final_job_cannot_be_canceled(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)

    assert jobs.cancel("prd_a") is CancelVerdict.FINAL
    assert find(jobs).status is JobStatus.SUCCEEDED
