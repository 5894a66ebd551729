"""What every JobStore must find when it is swept."""

from shared.jobs import JobStatus
from shared.queues import Lane
from tests.builders import job_spec
from tests.integration.job_store.conftest import EMPTY_QUEUES, TimedJobStore, find


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
