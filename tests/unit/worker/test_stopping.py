"""What a worker gives back when its time is over."""

import orjson
import pytest

from shared.batch_jobs import chunk_job
from shared.errors import StoreUnavailable
from shared.job_store import Verdict
from shared.jobs import JobStatus
from shared.settings import Settings
from shared.sweeps import Release
from tests.builders import batch_spec, job_spec
from tests.fakes import FakeBroker, FakeJobStore, TimedRedisBatchStore
from worker.lease_keeper import LeaseKeeper
from worker.stopping import GiveBack
from worker.suspects import RowRange, Suspects


class StoreAway(FakeJobStore):
    """A store that is away when jobs are given back."""

    def release(self, job_ids: object, token: str) -> Release:
        raise StoreUnavailable


@pytest.fixture
def jobs(settings: Settings) -> FakeJobStore:
    return FakeJobStore(settings)


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def leases(jobs: FakeJobStore, settings: Settings) -> LeaseKeeper:
    return LeaseKeeper(jobs, settings)


@pytest.fixture
def give_back(jobs: FakeJobStore, batches: TimedRedisBatchStore, broker: FakeBroker, leases: LeaseKeeper) -> GiveBack:
    return GiveBack(jobs, batches, broker, leases)


def test_a_worker_with_nothing_in_hand_gives_nothing_back(give_back: GiveBack, broker: FakeBroker) -> None:
    assert give_back.run() == 0
    assert broker.sent == []


def test_the_jobs_in_hand_are_queued_again_and_their_message_is_sent_at_once(
    give_back: GiveBack, jobs: FakeJobStore, broker: FakeBroker, leases: LeaseKeeper
) -> None:
    specs = [job_spec("prd_a"), job_spec("prd_b")]
    jobs.accept(specs)
    jobs.claim(["prd_a", "prd_b"], "t1")

    with leases.holding(["prd_a", "prd_b"], "t1"):
        given_back = give_back.run()

    assert given_back == 2
    assert broker.sent == [specs]
    assert jobs.claim(["prd_a", "prd_b"], "t2") == [Verdict.CLAIMED, Verdict.CLAIMED]


def test_a_job_that_had_killed_a_worker_before_is_sent_alone(
    give_back: GiveBack, jobs: FakeJobStore, broker: FakeBroker, leases: LeaseKeeper, settings: Settings
) -> None:
    suspect, neighbor = job_spec("prd_suspect"), job_spec("prd_neighbor")
    jobs.accept([suspect])
    jobs.claim(["prd_suspect"], "t0")
    jobs.let_time_pass(settings.lease_seconds + 1)
    jobs.sweep({})
    jobs.accept([neighbor])
    jobs.claim(["prd_suspect", "prd_neighbor"], "t1")

    with leases.holding(["prd_suspect", "prd_neighbor"], "t1"):
        give_back.run()

    assert broker.sent == [[suspect], [neighbor]]


def test_a_broker_that_is_away_costs_no_job_because_the_sweeper_sends_it(
    give_back: GiveBack, jobs: FakeJobStore, broker: FakeBroker, leases: LeaseKeeper
) -> None:
    jobs.accept([job_spec()])
    jobs.claim(["prd_a"], "t1")
    broker.is_down = True

    with leases.holding(["prd_a"], "t1"):
        give_back.run()

    job = jobs.find("prd_a")
    assert job is not None
    assert job.status is JobStatus.QUEUED


def test_a_store_that_is_away_keeps_nobody_from_stopping(
    settings: Settings, batches: TimedRedisBatchStore, broker: FakeBroker
) -> None:
    jobs = StoreAway(settings)
    leases = LeaseKeeper(jobs, settings)

    with leases.holding(["prd_a"], "t1"):
        given_back = GiveBack(jobs, batches, broker, leases).run()

    assert (given_back, broker.sent) == (0, [])


def test_the_rows_of_a_chunk_that_is_given_back_are_not_suspected(
    give_back: GiveBack, jobs: FakeJobStore, batches: TimedRedisBatchStore, leases: LeaseKeeper
) -> None:
    spec = batch_spec()
    step = chunk_job(spec, 0)
    jobs.accept([step])
    jobs.claim([step.id], "t1")
    batches.write_notes(spec.id, 0, orjson.dumps({"deadly": [[3, 4]], "in_hand": [7, 8]}))

    with leases.holding([step.id], "t1"):
        give_back.run()

    assert Suspects.read(batches, spec.id, 0).deadly == [RowRange(3, 4)]
