from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from shared.batch_store import RedisBatchStore
from shared.errors import BrokerUnavailable
from shared.file_store import LocalFileStore
from shared.job_store import RedisJobStore
from shared.jobs import JobSpec, JobStatus, ModelRef
from shared.queues import Lane
from shared.settings import Settings
from shared.sweeps import Stuck
from tests.builders import job_spec, rows
from tests.fakes import FakeBroker, FakeJobStore
from worker.housekeeping import Housekeeping
from worker.sweeper import MESSAGE_ROWS, Sweeper, group_for_resend

OTHER_VERSION = ModelRef("gender", "2", "0" * 64)


@dataclass
class WitnessedBroker(FakeBroker):
    """Remembers when its messages count as enqueued; can fail between looking and sending."""

    enqueued_at: list[float] = field(default_factory=list)
    refuses_messages: bool = False

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        if self.refuses_messages:
            raise BrokerUnavailable
        super().send(specs, enqueued_at=enqueued_at)
        self.enqueued_at.append(enqueued_at)


@pytest.fixture
def jobs(settings: Settings) -> FakeJobStore:
    return FakeJobStore(settings)


@pytest.fixture
def broker() -> WitnessedBroker:
    return WitnessedBroker()


@pytest.fixture
def housekeeping(redis: Redis, settings: Settings, tmp_path: Path) -> Housekeeping:
    """There is no batch."""
    return Housekeeping(RedisBatchStore(redis, settings), LocalFileStore(tmp_path))


@pytest.fixture
def sweeper(
    jobs: FakeJobStore, broker: WitnessedBroker, redis: Redis, settings: Settings, housekeeping: Housekeeping
) -> Sweeper:
    return Sweeper(jobs, broker, redis, settings, housekeeping)


def unclaimed(job_id: str, *, row_count: int = 1, **overrides: Any) -> Stuck:
    return Stuck(job_spec(job_id, rows=rows(*[181.0] * row_count), **overrides), attempt=0)


def claimed(job_id: str) -> Stuck:
    return Stuck(job_spec(job_id), attempt=1)


@pytest.mark.parametrize(
    ("stuck", "messages"),
    [
        pytest.param([], [], id="nothing stuck"),
        pytest.param([unclaimed("a"), unclaimed("b")], [["a", "b"]], id="lost messages share one"),
        pytest.param([claimed("a"), claimed("b")], [["a"], ["b"]], id="claimed ones go alone"),
        pytest.param(
            [unclaimed("a"), claimed("b"), unclaimed("c")], [["b"], ["a", "c"]], id="claimed ones never join others"
        ),
        pytest.param(
            [unclaimed("a"), unclaimed("b", lane=Lane.BULK), unclaimed("c")], [["b"], ["a", "c"]], id="one per lane"
        ),
        pytest.param(
            [unclaimed("a"), unclaimed("b", model=OTHER_VERSION), unclaimed("c")],
            [["a", "c"], ["b"]],
            id="one per model version",
        ),
        pytest.param(
            [unclaimed("a", row_count=600), unclaimed("b", row_count=400), unclaimed("c")],
            [["a", "b"], ["c"]],
            id="full at its greatest size",
        ),
        pytest.param(
            [unclaimed("a", row_count=600), unclaimed("b", row_count=401)], [["a"], ["b"]], id="one row too many"
        ),
        pytest.param(
            [unclaimed("a"), unclaimed("b", row_count=MESSAGE_ROWS + 1), unclaimed("c")],
            [["a"], ["b"], ["c"]],
            id="a job that is too big goes alone",
        ),
    ],
)
def test_stuck_jobs_are_grouped_into_messages(stuck: list[Stuck], messages: list[list[str]]) -> None:
    assert [[spec.id for spec in specs] for specs in group_for_resend(stuck)] == messages


def test_a_job_whose_message_was_lost_is_sent_again(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a"), job_spec("prd_b")])
    jobs.let_time_pass(3)

    sweeper.sweep()

    assert broker.sent == [[job_spec("prd_a"), job_spec("prd_b")]]


def test_a_job_whose_worker_died_is_sent_again_alone(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a"), job_spec("prd_b")])
    jobs.claim(["prd_a", "prd_b"], "t1")
    jobs.let_time_pass(11)

    sweeper.sweep()

    assert broker.sent == [[job_spec("prd_a")], [job_spec("prd_b")]]


def test_what_is_sent_again_counts_as_enqueued_when_the_sweeper_looked(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    (accepted,) = jobs.accept([job_spec("prd_a")])
    jobs.let_time_pass(3)

    sweeper.sweep()

    assert broker.enqueued_at == [accepted.created_at + 3]


def test_a_job_that_is_on_its_way_is_left_alone(sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker) -> None:
    jobs.accept([job_spec("prd_a")])

    sweeper.sweep()

    assert broker.sent == []


def test_a_job_past_its_deadline_expires_and_is_not_sent(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a", deadline_seconds=2.0)])
    jobs.let_time_pass(3)

    sweeper.sweep()

    job = jobs.find("prd_a")
    assert job is not None
    assert (job.status, broker.sent) == (JobStatus.EXPIRED, [])


def test_a_job_that_lost_all_its_workers_is_set_aside_and_not_sent(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a", max_attempts=1)])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)

    sweeper.sweep()

    job = jobs.find("prd_a")
    assert job is not None
    assert (job.status, broker.sent) == (JobStatus.FAILED, [])


def test_a_broker_that_is_down_delays_lost_messages_only(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a"), job_spec("prd_late", deadline_seconds=2.0)])
    jobs.let_time_pass(3)
    broker.is_down = True
    sweeper.sweep()
    late = jobs.find("prd_late")
    assert late is not None
    assert late.status is JobStatus.EXPIRED
    broker.is_down = False

    sweeper.sweep()

    assert broker.sent == [[job_spec("prd_a")]]


def test_a_broker_that_goes_down_before_the_message_is_sent_loses_no_job(
    sweeper: Sweeper, jobs: FakeJobStore, broker: WitnessedBroker
) -> None:
    jobs.accept([job_spec("prd_a")])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(11)
    broker.refuses_messages = True
    with pytest.raises(BrokerUnavailable):
        sweeper.sweep()
    broker.refuses_messages = False
    jobs.let_time_pass(3)

    sweeper.sweep()

    assert broker.sent == [[job_spec("prd_a")]]


def test_jobs_that_are_gone_leave_their_lists(sweeper: Sweeper, redis: Redis, settings: Settings) -> None:
    store = RedisJobStore(redis, settings)
    store.accept([job_spec("prd_a")])
    store.delete("prd_a")

    sweeper.sweep()

    assert redis.keys(f"{settings.key_root}made:*") == []
