"""What every JobStore must do with new jobs."""

import pytest

from shared.job_store import CancelVerdict, Verdict
from shared.jobs import Job, JobStatus
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.integration.job_store.conftest import TimedJobStore, find


def test_an_accepted_job_is_queued_as_it_was_sent(jobs: TimedJobStore) -> None:
    spec = job_spec(rows=[[181.0, 44.0], [160.0, 37.5]], is_single=False)

    (accepted,) = jobs.accept([spec])

    assert find(jobs) == Job(spec, JobStatus.QUEUED, 0, accepted.created_at, queue=accepted.queue)


def test_an_unknown_job_is_not_found(jobs: TimedJobStore) -> None:
    assert jobs.find("prd_unknown") is None
    assert jobs.cancel("prd_unknown") is CancelVerdict.UNKNOWN
    assert jobs.claim(["prd_unknown"], "t1") == [Verdict.UNKNOWN]
    assert jobs.finish(Lane.INTERACTIVE, {"prd_unknown": success()}, "t1", busy_seconds=0.1) == [False]


def test_jobs_that_are_looked_for_together_are_found_as_each_alone(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_short", deadline_seconds=5)])
    jobs.let_time_pass(6)
    jobs.accept([job_spec("prd_done"), job_spec("prd_running")])
    jobs.let_time_pass(0.1)
    jobs.accept([job_spec("prd_a")])
    jobs.accept([job_spec("prd_bulk", lane=Lane.BULK)])
    jobs.claim(["prd_done", "prd_running"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_done": success()}, "t1", busy_seconds=0.1)
    asked = ["prd_bulk", "prd_none", "prd_running", "prd_short", "prd_a", "prd_done", "prd_a"]

    found = jobs.find_all(asked)

    assert [job and job.status.value for job in found] == [
        "queued",
        None,
        "running",
        "expired",
        "queued",
        "succeeded",
        "queued",
    ]
    assert found == [jobs.find(job_id) for job_id in asked]


def test_the_position_counts_the_jobs_ahead_in_the_same_lane(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_a")])
    jobs.accept([job_spec("prd_bulk", lane=Lane.BULK)])
    jobs.let_time_pass(0.1)
    jobs.accept([job_spec("prd_b")])

    queue = find(jobs, "prd_b").queue

    assert queue is not None
    assert queue.position == 1


def test_jobs_accepted_together_stand_in_line_one_behind_the_other(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_a")])
    jobs.let_time_pass(0.1)

    accepted = jobs.accept([job_spec("prd_b"), job_spec("prd_c")])

    assert [one.queue.position for one in accepted] == [1, 2]


def test_a_job_that_comes_with_its_message_is_accepted_like_any_other(jobs: TimedJobStore, settings: Settings) -> None:
    entry = QueueEntry(f"{settings.key_root}some-queue", b"", b"")

    (accepted,) = jobs.accept([job_spec()], entry=entry)

    assert find(jobs) == Job(job_spec(), JobStatus.QUEUED, 0, accepted.created_at, queue=accepted.queue)


@pytest.mark.parametrize("has_message", [False, True], ids=["alone", "with its message"])
def test_accepting_again_after_a_lost_answer_changes_nothing(
    jobs: TimedJobStore, settings: Settings, *, has_message: bool
) -> None:
    entry = QueueEntry(f"{settings.key_root}some-queue", b"", b"") if has_message else None
    (first,) = jobs.accept([job_spec()], entry=entry)
    jobs.claim(["prd_a"], "t1")

    (second,) = jobs.accept([job_spec()], entry=entry)

    assert second.created_at == first.created_at
    assert find(jobs).status is JobStatus.RUNNING
