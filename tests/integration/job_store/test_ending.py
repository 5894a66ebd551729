"""When jobs end by themselves, and how long they are kept."""

import pytest

from shared.job_store import Accepted, Verdict
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import failure, job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, find


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda jobs: jobs.find("prd_a"), id="when it is read"),
        pytest.param(lambda jobs: jobs.sweep(EMPTY_QUEUES), id="when it is swept"),
        pytest.param(lambda jobs: jobs.claim(["prd_a"], "t1"), id="when it is claimed"),
    ],
)
def test_a_job_past_its_deadline_expires(jobs: TimedJobStore, look: object) -> None:
    assert callable(look)
    jobs.accept([job_spec(deadline_seconds=90.0)])
    jobs.let_time_pass(91)

    look(jobs)

    assert find(jobs).status is JobStatus.EXPIRED


def test_a_running_job_past_its_deadline_expires_and_stays_so(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(deadline_seconds=5.0)])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(6)
    jobs.sweep(EMPTY_QUEUES)

    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)

    assert find(jobs).status is JobStatus.EXPIRED


def test_a_job_past_its_lease_and_its_deadline_is_not_sent_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(deadline_seconds=5.0)])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert (sweep.expired, sweep.resend) == (1, [])


def test_a_final_job_is_gone_after_its_retention(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)
    jobs.let_time_pass(86_401)

    assert jobs.find("prd_a") is None


def test_a_job_that_is_not_final_never_goes(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(deadline_seconds=1e9)])
    jobs.let_time_pass(1e8)

    assert find(jobs).status is JobStatus.QUEUED


def test_jobs_of_one_message_are_accepted_claimed_and_finished_together(jobs: TimedJobStore) -> None:
    accepted = jobs.accept([job_spec("prd_a"), job_spec("prd_b"), job_spec("prd_c")])
    jobs.cancel("prd_b")

    verdicts = jobs.claim(["prd_a", "prd_b", "prd_c"], "t1")
    recorded = jobs.finish(Lane.INTERACTIVE, {"prd_a": success(), "prd_c": failure()}, "t1", busy_seconds=0.01)

    assert [type(one) for one in accepted] == [Accepted] * 3
    assert verdicts == [Verdict.CLAIMED, Verdict.FINAL, Verdict.CLAIMED]
    assert recorded == [True, True]
    assert [find(jobs, job_id).status for job_id in ("prd_a", "prd_b", "prd_c")] == [
        JobStatus.SUCCEEDED,
        JobStatus.CANCELED,
        JobStatus.FAILED,
    ]


def test_jobs_have_ended_once_they_are_final(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(job_id) for job_id in ("prd_queued", "prd_running", "prd_canceled", "prd_done")])
    jobs.cancel("prd_canceled")
    jobs.claim(["prd_running", "prd_done"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_done": success()}, "t1", busy_seconds=0.01)

    assert jobs.ended(["prd_queued", "prd_running", "prd_canceled", "prd_done"]) == ["prd_canceled", "prd_done"]


def test_a_job_past_its_deadline_has_ended_before_anybody_notes_it(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_queued", deadline_seconds=90.0), job_spec("prd_running", deadline_seconds=90.0)])
    jobs.claim(["prd_running"], "t1")
    jobs.let_time_pass(91)

    assert jobs.ended(["prd_running", "prd_queued"]) == ["prd_running", "prd_queued"]


def test_a_job_without_a_record_has_not_ended_because_it_may_yet_be_accepted(jobs: TimedJobStore) -> None:
    assert jobs.ended(["prd_unknown"]) == []


def test_of_no_jobs_none_has_ended(jobs: TimedJobStore) -> None:
    assert jobs.ended([]) == []
