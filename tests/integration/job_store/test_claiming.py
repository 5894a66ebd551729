"""What every JobStore must do for workers that take jobs and finish them."""

import pytest

from shared.job_store import Verdict
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import failure, job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, find


def test_a_claim_takes_the_lease_and_counts_the_attempt(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])

    verdicts = jobs.claim(["prd_a"], "t1")

    assert verdicts == [Verdict.CLAIMED]
    assert (find(jobs).status, find(jobs).attempt) == (JobStatus.RUNNING, 1)
    assert find(jobs).queue is None


def test_a_claimed_job_is_not_claimed_by_another(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")

    assert jobs.claim(["prd_a"], "t2") == [Verdict.RUNNING]


def test_claiming_again_after_a_lost_answer_is_the_same_attempt(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")

    assert jobs.claim(["prd_a"], "t1") == [Verdict.CLAIMED]
    assert find(jobs).attempt == 1


def test_a_finished_job_has_its_answer(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")

    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)

    job = find(jobs)
    assert recorded == [True]
    assert (job.status, job.outcome) == (JobStatus.SUCCEEDED, success())
    assert job.completed_at is not None
    assert job.expires_at == pytest.approx(job.completed_at + 86_400)


def test_the_first_writer_wins(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="male")}, "t1", busy_seconds=0.01)

    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="female")}, "t2", busy_seconds=0.01)

    assert recorded == [False]
    assert find(jobs).outcome == success(label="male")


def test_finishing_again_after_a_lost_answer_is_no_second_answer(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="male")}, "t1", busy_seconds=0.01)

    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="female")}, "t1", busy_seconds=0.01)

    assert recorded == [True]
    assert find(jobs).outcome == success(label="male")


def test_a_final_job_is_not_claimed(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": failure()}, "t1", busy_seconds=0.01)

    assert jobs.claim(["prd_a"], "t2") == [Verdict.FINAL]


def test_a_job_whose_worker_died_is_sent_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert [(stuck.spec.id, stuck.attempt) for stuck in sweep.resend] == [("prd_a", 1)]
    assert find(jobs).status is JobStatus.QUEUED


def test_a_renewed_lease_keeps_the_job(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(8)

    renewed = jobs.renew(["prd_a"], "t1")
    jobs.let_time_pass(8)

    assert renewed == 1
    assert jobs.sweep(EMPTY_QUEUES).resend == []


def test_a_late_worker_cannot_finish_what_was_given_to_another(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "zombie")
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)
    jobs.claim(["prd_a"], "t2")

    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success(label="zombie")}, "zombie", busy_seconds=0.1) == [False]
    assert jobs.renew(["prd_a"], "zombie") == 0
    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t2", busy_seconds=0.1) == [True]
    assert find(jobs).outcome == success()


def test_a_late_worker_cannot_finish_what_is_queued_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "zombie")
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)

    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "zombie", busy_seconds=0.1) == [False]
    assert find(jobs).status is JobStatus.QUEUED
