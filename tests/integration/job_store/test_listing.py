"""Each owner's jobs, the newest first, in pages that do not shift."""

from collections.abc import Callable

import pytest

from shared.job_store import JobStore
from shared.jobs import BatchStep, JobStatus, ModelRef, StepKind
from shared.queues import Lane
from tests.builders import failure, job_spec, success
from tests.integration.job_store.conftest import TimedJobStore, finish


def ids(jobs: JobStore, owner: str = "ada", **wanted: object) -> list[str]:
    return [job.id for job in jobs.page(owner, **{"limit": 10, **wanted}).jobs]  # type: ignore[arg-type]


def accept(jobs: JobStore, *job_ids: str, owner: str = "ada", **members: object) -> None:
    jobs.accept([job_spec(job_id, owner=owner, **members) for job_id in job_ids])


def test_the_newest_job_comes_first(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a", "prd_b")
    accept(jobs, "prd_c")

    assert ids(jobs) == ["prd_c", "prd_b", "prd_a"]


def test_an_owner_sees_no_job_of_another(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a", owner="ada")
    accept(jobs, "prd_b", owner="ben")
    accept(jobs, "prd_c", owner="")

    assert [ids(jobs, owner) for owner in ("ada", "ben", "", "nobody")] == [["prd_a"], ["prd_b"], ["prd_c"], []]


def test_a_page_goes_on_where_the_one_before_ended_though_new_jobs_came(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a", "prd_b", "prd_c")

    first = jobs.page("ada", limit=2)
    second = jobs.page("ada", limit=2, cursor=first.next_cursor or "")

    assert [job.id for job in first.jobs] == ["prd_c", "prd_b"]
    assert ([job.id for job in second.jobs], second.next_cursor) == (["prd_a"], None)


def test_jobs_are_found_by_status_and_model(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a", "prd_b")
    accept(jobs, "prd_other", model=ModelRef("gender-2", "1", "0" * 64))
    finish(jobs, success(), "prd_b")

    assert ids(jobs, status=JobStatus.SUCCEEDED) == ["prd_b"]
    assert ids(jobs, model="gender") == ["prd_b", "prd_a"]
    assert ids(jobs, model="gender-2", status=JobStatus.QUEUED) == ["prd_other"]
    assert ids(jobs, model='"') == []


def test_a_list_tells_why_a_job_failed_and_no_input_and_no_output(jobs: TimedJobStore) -> None:
    metadata = {"rows": '","rows":[', "model": "x"}
    accept(jobs, "prd_a", "prd_b", metadata=metadata)
    finish(jobs, failure(), "prd_a")
    finish(jobs, success(), "prd_b")

    succeeded, failed = jobs.page("ada", limit=10).jobs

    assert (succeeded.outcome, failed.outcome) == (None, failure())
    assert (failed.spec.rows, failed.spec.metadata) == ([], metadata)


def test_what_is_deleted_or_not_kept_is_not_listed(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a", "prd_deleted", "prd_running")
    accept(jobs, "prd_done", retain_seconds=0)
    jobs.claim(["prd_running"], "t1")
    jobs.delete("prd_running")
    jobs.delete("prd_deleted")
    finish(jobs, success(), "prd_done")

    assert ids(jobs) == ["prd_a"]


def test_the_steps_of_a_batch_are_not_listed(jobs: TimedJobStore) -> None:
    accept(jobs, "bat_a.split", lane=Lane.BULK, rows=[], step=BatchStep("bat_a", StepKind.SPLIT))

    assert ids(jobs) == []


def test_a_job_that_is_accepted_again_is_listed_once(jobs: TimedJobStore) -> None:
    accept(jobs, "prd_a")
    accept(jobs, "prd_a")

    assert ids(jobs) == ["prd_a"]


CHANGES: dict[str, Callable[[JobStore], object]] = {
    "claimed": lambda jobs: jobs.claim(["prd_a"], "t1"),
    "canceled": lambda jobs: jobs.cancel("prd_a"),
    "deleted": lambda jobs: jobs.delete("prd_a"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_follows_a_job_can_tell_that_it_has_changed(
    jobs: TimedJobStore, change: Callable[[JobStore], object]
) -> None:
    accept(jobs, "prd_a", "prd_b")
    before = jobs.glance(["job:prd_a", "job:prd_b"])
    change(jobs)

    after = jobs.glance(["job:prd_a", "job:prd_b"])

    assert (before[0] == after[0], before[1] == after[1]) == (False, True)
