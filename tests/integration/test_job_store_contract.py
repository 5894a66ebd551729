"""What every JobStore must do: the same tests for the Redis store and for the in-memory fake."""

from typing import Protocol

import pytest
from redis import Redis

from shared.job_store import Accepted, CancelVerdict, JobStore, Verdict
from shared.jobs import Job, JobStatus
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.fakes import FakeJobStore, TimedRedisJobStore

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)


class TimedJobStore(JobStore, Protocol):
    def let_time_pass(self, seconds: float) -> None: ...


@pytest.fixture(params=["redis", "fake"])
def jobs(request: pytest.FixtureRequest, settings: Settings, redis: Redis) -> TimedJobStore:
    return TimedRedisJobStore(redis, settings) if request.param == "redis" else FakeJobStore(settings)


def find(jobs: JobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


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


def test_a_job_whose_workers_died_three_times_fails(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    for token in ("t1", "t2", "t3"):
        jobs.claim(["prd_a"], token)
        jobs.let_time_pass(11)
        sweep = jobs.sweep(EMPTY_QUEUES)

    job = find(jobs)
    assert (sweep.resend, sweep.quarantined) == ([], 1)
    assert job.status is JobStatus.FAILED
    assert job.outcome is not None
    assert job.outcome.error is not None
    assert job.outcome.error.code == "worker_died"
    assert job.attempt == 3


def test_a_job_whose_message_was_lost_is_sent_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.let_time_pass(3)

    sweep = jobs.sweep(EMPTY_QUEUES)

    assert [(stuck.spec, stuck.attempt) for stuck in sweep.resend] == [(job_spec(), 0)]
    assert jobs.sweep(EMPTY_QUEUES).resend == []


def test_a_job_whose_message_may_be_on_its_way_is_left_alone(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.let_time_pass(1)

    assert jobs.sweep(EMPTY_QUEUES).resend == []


def test_a_job_behind_older_messages_is_left_alone(jobs: TimedJobStore) -> None:
    (accepted,) = jobs.accept([job_spec()])

    sweep = jobs.sweep({Lane.INTERACTIVE: accepted.created_at - 60})

    assert sweep.resend == []


def test_a_job_older_than_every_message_is_sent_again(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec("prd_lost")])
    jobs.let_time_pass(60)
    (accepted,) = jobs.accept([job_spec("prd_b")])

    sweep = jobs.sweep({Lane.INTERACTIVE: accepted.created_at})

    assert [stuck.spec.id for stuck in sweep.resend] == ["prd_lost"]


def test_a_lane_whose_broker_cannot_tell_is_left_alone(jobs: TimedJobStore) -> None:
    jobs.accept([job_spec()])
    jobs.let_time_pass(3600)

    assert jobs.sweep({}).resend == []


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
