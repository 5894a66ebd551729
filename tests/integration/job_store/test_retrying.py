"""A failed or expired job can be tried again under its id, and only when its client asks for it."""

import pytest

from shared.job_store import Verdict
from shared.job_terms import RetryVerdict
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import failure, job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, find, finish


def test_a_failed_job_is_tried_again_under_its_id(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    finish(jobs, failure())
    jobs.let_time_pass(5)

    verdict, _ = jobs.retry(job_spec(), "r1")
    queued = find(jobs)
    finish(jobs, success(), token="t2")

    assert verdict is RetryVerdict.QUEUED
    assert (queued.status, queued.attempt, queued.retries, queued.outcome) == (JobStatus.QUEUED, 1, 1, None)
    assert (queued.started_at, queued.completed_at, queued.expires_at) == (None, None, None)
    assert (find(jobs).status, find(jobs).attempt, find(jobs).outcome) == (JobStatus.SUCCEEDED, 2, success())


def test_an_expired_job_gets_as_much_time_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(deadline_seconds=90.0)])
    jobs.let_time_pass(91)
    jobs.sweep(EMPTY_QUEUES)

    jobs.retry(job_spec(deadline_seconds=90.0), "r1")
    jobs.let_time_pass(60)
    in_time = find(jobs).status
    jobs.let_time_pass(31)

    assert (in_time, find(jobs).status) == (JobStatus.QUEUED, JobStatus.EXPIRED)


def test_a_retried_job_is_swept_like_any_other(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    finish(jobs, failure())
    jobs.retry(job_spec(), "r1")
    jobs.let_time_pass(3)

    assert [stuck.spec.id for stuck in jobs.sweep(EMPTY_QUEUES).resend] == ["prd_a"]


def test_a_job_that_was_set_aside_gets_all_its_attempts_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(max_attempts=1)])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)

    verdict, _ = jobs.retry(job_spec(max_attempts=2), "r1")
    jobs.claim(["prd_a"], "t2")
    jobs.let_time_pass(11)
    again = jobs.sweep(EMPTY_QUEUES)

    assert verdict is RetryVerdict.QUEUED
    assert ([stuck.attempt for stuck in again.resend], again.quarantined) == ([2], 0)


def test_the_worker_of_an_earlier_try_cannot_answer_for_a_later_one(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    finish(jobs, failure(), token="t1")
    jobs.retry(job_spec(), "r1")

    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1) == [False]
    assert find(jobs).status is JobStatus.QUEUED


@pytest.mark.parametrize("token", ["r1", "r2"])
def test_a_retry_that_is_repeated_is_one_retry(jobs: TimedJobStore, token: str) -> None:
    jobs.accept([job_spec()])
    finish(jobs, failure())
    first = jobs.retry(job_spec(), "r1")

    second = jobs.retry(job_spec(), token)

    expected = {"r1": first, "r2": (RetryVerdict.NOT_RETRYABLE, 0.0)}
    assert second == expected[token]
    assert find(jobs).retries == 1


def test_what_did_not_fail_is_not_tried_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(job_id) for job_id in ("prd_queued", "prd_running", "prd_done", "prd_canceled")])
    jobs.cancel("prd_canceled")
    jobs.claim(["prd_running"], "t1")
    finish(jobs, success(), "prd_done")

    verdicts = [
        jobs.retry(job_spec(job_id), "r1")[0]
        for job_id in ("prd_queued", "prd_running", "prd_done", "prd_canceled", "prd_unknown")
    ]

    assert verdicts == [RetryVerdict.NOT_RETRYABLE] * 4 + [RetryVerdict.UNKNOWN]


def test_a_job_without_its_input_is_not_tried_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(retain_seconds=0)])
    finish(jobs, failure())

    assert jobs.retry(job_spec(), "r1")[0] is RetryVerdict.INPUT_DROPPED


def test_a_retried_job_whose_record_is_lost_is_written_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(retain_seconds=60)])
    finish(jobs, failure())
    jobs.retry(job_spec(retain_seconds=60), "r1")

    assert jobs.claim(["prd_a"], "t2") == [Verdict.CLAIMED]
