"""What every JobStore must do with jobs that a stopping worker gives back."""

from shared.job_store import Verdict
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import job_spec, success
from tests.integration.job_store.conftest import TimedJobStore, find


def test_a_job_that_is_given_back_is_queued_as_if_nobody_had_taken_it(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    before = find(jobs)
    jobs.claim(["prd_a"], "t1")

    released = jobs.release(["prd_a"], "t1")

    assert [(one.spec.id, one.attempt) for one in released.jobs] == [("prd_a", 0)]
    assert find(jobs) == before


def test_another_worker_can_take_it_at_once(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.release(["prd_a"], "t1")

    assert jobs.claim(["prd_a"], "t2") == [Verdict.CLAIMED]
    assert find(jobs).attempt == 1


def test_the_worker_that_gave_a_job_back_can_no_longer_finish_it(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.release(["prd_a"], "t1")

    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1) == [False]
    assert find(jobs).status is JobStatus.QUEUED


def test_giving_back_twice_answers_the_same(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    first = jobs.release(["prd_a"], "t1")

    assert jobs.release(["prd_a"], "t1").jobs == first.jobs
    assert find(jobs).attempt == 0


def test_only_what_is_held_under_the_token_is_given_back(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(job_id) for job_id in ("prd_done", "prd_others", "prd_waiting")])
    jobs.claim(["prd_done"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_done": success()}, "t1", busy_seconds=0.1)
    jobs.claim(["prd_others"], "t2")

    released = jobs.release(["prd_done", "prd_others", "prd_waiting", "prd_unknown"], "t1")

    assert released.jobs == []
    assert find(jobs, "prd_done").status is JobStatus.SUCCEEDED
    assert find(jobs, "prd_others").status is JobStatus.RUNNING


def test_a_job_that_was_asked_to_cancel_ends_canceled_and_is_not_sent_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")

    released = jobs.release(["prd_a"], "t1")

    assert released.jobs == []
    assert find(jobs).status is JobStatus.CANCELED


def test_a_job_that_was_given_back_and_lost_its_message_is_swept(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.release(["prd_a"], "t1")
    jobs.let_time_pass(10)

    swept = jobs.sweep({Lane.INTERACTIVE: None})

    assert [(one.spec.id, one.attempt) for one in swept.resend] == [("prd_a", 0)]
