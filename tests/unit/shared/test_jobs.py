import pytest

from shared.jobs import TRANSITIONS, Job, JobStatus, ModelRef, new_token
from tests.builders import job_spec

FINAL = {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED, JobStatus.EXPIRED}
OPEN = {JobStatus.QUEUED, JobStatus.RUNNING}


def test_every_status_is_in_the_table_of_transitions() -> None:
    assert set(TRANSITIONS) == set(JobStatus) == OPEN | FINAL


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_status_has_no_way_out(status: JobStatus) -> None:
    assert status.is_final
    assert TRANSITIONS[status] == frozenset()


@pytest.mark.parametrize("status", sorted(OPEN))
def test_a_status_that_is_not_final_can_always_end(status: JobStatus) -> None:
    assert not status.is_final
    assert TRANSITIONS[status] & FINAL


@pytest.mark.parametrize("status", sorted(JobStatus))
def test_no_status_leads_to_itself(status: JobStatus) -> None:
    assert status not in TRANSITIONS[status]


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_queued_job_gets_no_answer_before_it_runs(status: JobStatus) -> None:
    assert status not in TRANSITIONS[JobStatus.QUEUED]


def test_a_running_job_whose_worker_died_is_queued_again() -> None:
    assert TRANSITIONS[JobStatus.RUNNING] == FINAL | {JobStatus.QUEUED}


def test_a_model_is_cited_by_name_and_version() -> None:
    assert ModelRef("gender", "1.2", "0" * 64).key == "gender/1.2"


def test_the_deadline_counts_from_acceptance() -> None:
    job = Job(job_spec("prd_a", deadline_seconds=90.0), JobStatus.QUEUED, attempt=0, created_at=1_000.0)

    assert (job.id, job.deadline) == ("prd_a", 1_090.0)


def test_no_two_claims_have_the_same_token() -> None:
    assert len({new_token() for _ in range(1_000)}) == 1_000
