"""However often it is sent, what has one key or one id of its client is one job."""

import pytest

from shared.job_store import Verdict
from shared.job_terms import Earlier
from shared.jobs import JobStatus, Once
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.integration.job_store.conftest import TimedJobStore, find, finish

SAME, OTHER = Once("k1", "d1"), Once("k1", "d2")
OWN = Once("", "d1")


def test_a_key_stands_for_the_first_job_that_came_with_it(jobs: TimedJobStore) -> None:
    first, second = jobs.accept([job_spec("prd_a", once=SAME), job_spec("prd_b", once=SAME)])

    (third,) = jobs.accept([job_spec("prd_c", once=SAME)])

    assert first.is_new
    assert (second.earlier, third.earlier) == (Earlier("prd_a", is_same=True), Earlier("prd_a", is_same=True))
    assert jobs.claim(["prd_a", "prd_b", "prd_c"], "t1") == [Verdict.CLAIMED, Verdict.UNKNOWN, Verdict.UNKNOWN]


def test_a_key_that_comes_with_something_else_is_told_apart(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_a", once=SAME)])

    (second,) = jobs.accept([job_spec("prd_b", once=OTHER)])

    assert second.earlier == Earlier("prd_a", is_same=False)


def test_other_keys_stand_for_other_jobs(jobs: TimedJobStore) -> None:
    accepted = jobs.accept([job_spec("prd_a", once=Once("k1", "d1")), job_spec("prd_b", once=Once("k2", "d1"))])

    assert [one.is_new for one in accepted] == [True, True]


def test_a_job_that_was_not_accepted_does_not_stand_in_line(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_a", once=SAME)])

    _, new = jobs.accept([job_spec("prd_b", once=SAME), job_spec("prd_c")])

    assert new.queue.position == 1


@pytest.mark.parametrize("once", [SAME, OWN], ids=["key", "id"])
def test_accepting_again_after_a_lost_answer_is_no_second_job(jobs: TimedJobStore, once: Once) -> None:
    jobs.accept([job_spec(once=once)])
    finish(jobs, success())

    (again,) = jobs.accept([job_spec(once=once)])

    assert again.earlier in (None, Earlier("prd_a", is_same=True))
    assert find(jobs).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("once", [SAME, OWN, None], ids=["key", "id", "neither"])
def test_accepting_again_does_not_begin_anew_what_is_done_and_not_kept(jobs: TimedJobStore, once: Once | None) -> None:
    spec = job_spec(once=once, retain_seconds=0)
    jobs.accept([spec])
    finish(jobs, success())
    jobs.let_time_pass(10)

    (again,) = jobs.accept([spec])

    assert again.earlier == Earlier("prd_a", is_same=True)
    assert jobs.find("prd_a") is None


def test_a_key_is_forgotten_after_its_time(jobs: TimedJobStore, settings: Settings) -> None:
    jobs.accept([job_spec("prd_a", once=SAME)])
    jobs.let_time_pass(settings.idempotency_seconds + 1)

    (second,) = jobs.accept([job_spec("prd_b", once=OTHER)])

    assert second.is_new


def test_an_id_that_its_client_made_is_one_job(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(once=OWN)])

    (same,) = jobs.accept([job_spec(once=OWN)])
    (other,) = jobs.accept([job_spec(once=Once("", "d2"))])

    assert same.earlier in (None, Earlier("prd_a", is_same=True))
    assert other.earlier == Earlier("prd_a", is_same=False)


def test_a_deleted_id_is_not_taken_again_at_once(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec(once=OWN)])
    jobs.delete("prd_a")

    (again,) = jobs.accept([job_spec(once=OWN)])

    assert again.earlier == Earlier("prd_a", is_same=True)
    assert jobs.find("prd_a") is None
