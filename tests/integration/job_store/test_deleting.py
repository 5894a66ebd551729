"""What is deleted is gone, and nothing brings it back."""

import pytest

from shared.job_store import CancelVerdict, Verdict
from shared.job_terms import DeleteVerdict
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, finish


def test_a_final_job_is_deleted(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    finish(jobs, success())

    assert jobs.delete("prd_a") is DeleteVerdict.DELETED
    assert jobs.find("prd_a") is None


def test_a_queued_job_is_deleted_before_a_worker_sees_it(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])

    assert jobs.delete("prd_a") is DeleteVerdict.DELETED
    assert jobs.find("prd_a") is None
    assert jobs.claim(["prd_a"], "t1") == [Verdict.UNKNOWN]


def test_a_running_job_is_hidden_at_once_and_gone_when_its_worker_is_done(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")

    verdict = jobs.delete("prd_a")
    hidden = jobs.find("prd_a")
    finish(jobs, success())

    assert (verdict, hidden) == (DeleteVerdict.RUNNING, None)
    assert jobs.delete("prd_a") is DeleteVerdict.DELETED
    assert jobs.cancel("prd_a") is CancelVerdict.UNKNOWN


def test_a_running_job_whose_worker_died_is_gone_with_its_lease(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.delete("prd_a")
    jobs.let_time_pass(11)

    resend = jobs.sweep(EMPTY_QUEUES).resend

    assert resend == []
    assert jobs.claim(["prd_a"], "t2") == [Verdict.UNKNOWN]


def test_a_running_job_that_is_given_back_is_gone(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    jobs.delete("prd_a")

    assert jobs.release(["prd_a"], "t1").jobs == []
    assert jobs.claim(["prd_a"], "t2") == [Verdict.UNKNOWN]


def test_a_deleted_job_leaves_nothing_to_sweep(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.delete("prd_a")
    jobs.let_time_pass(100_000)

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert (sweep.resend, sweep.expired, sweep.quarantined) == ([], 0, 0)


def test_a_message_that_outlives_a_deleted_job_does_not_bring_it_back(jobs: TimedJobStore) -> None:
    (accepted,) = jobs.accept([job_spec()])
    jobs.delete("prd_a")

    assert jobs.restore([job_spec()], sent_at=accepted.created_at) == 0
    assert jobs.find("prd_a") is None


def test_a_late_answer_does_not_bring_a_deleted_job_back(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "zombie")
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)
    jobs.delete("prd_a")

    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "zombie", busy_seconds=0.1) == [False]
    assert jobs.find("prd_a") is None


def test_those_who_wait_learn_that_a_deleted_job_has_ended(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.delete("prd_a")

    assert jobs.ended(["prd_a", "prd_unknown"]) == ["prd_a"]


def test_what_never_was_cannot_be_deleted(jobs: TimedJobStore) -> None:
    assert jobs.delete("prd_unknown") is DeleteVerdict.UNKNOWN


@pytest.mark.parametrize("seconds", [0, 60])
def test_a_job_is_kept_for_as_long_as_its_client_asked(jobs: TimedJobStore, seconds: int) -> None:
    (accepted,) = jobs.accept([job_spec(retain_seconds=seconds)])
    finish(jobs, success())

    found = jobs.find("prd_a")
    jobs.let_time_pass(seconds + 10)

    assert found is not None
    assert found.outcome == success()
    assert found.expires_at is not None
    assert found.completed_at is not None
    assert found.expires_at - found.completed_at == pytest.approx(seconds)
    assert jobs.find("prd_a") is None
    assert jobs.restore([job_spec(retain_seconds=seconds)], sent_at=accepted.created_at) == 0


@pytest.mark.parametrize(("seconds", "rows"), [(0, []), (60, [[181.0, 44.0]])])
def test_the_input_of_a_job_of_which_nothing_is_kept_goes_when_it_is_final(
    jobs: TimedJobStore, seconds: int, rows: list[list[float]]
) -> None:
    jobs.accept([job_spec(retain_seconds=seconds)])
    finish(jobs, failure())

    found = jobs.find("prd_a")

    assert found is not None
    assert found.spec.rows == rows


def test_a_job_is_not_kept_for_longer_than_any_other(jobs: TimedJobStore, settings: Settings) -> None:
    jobs.accept([job_spec(retain_seconds=settings.retention_seconds * 2)])
    finish(jobs, success())
    jobs.let_time_pass(settings.retention_seconds + 1)

    assert jobs.find("prd_a") is None


def test_a_job_to_be_kept_for_a_short_time_is_not_set_aside(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(retain_seconds=60, max_attempts=1)])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)

    assert jobs.sweep(EMPTY_QUEUES).quarantined == 0
    jobs.let_time_pass(61)
    assert jobs.find("prd_a") is None
