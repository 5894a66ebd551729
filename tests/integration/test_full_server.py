"""A server without memory left takes no new job, and hinders nothing that was promised."""

from pathlib import Path

import pytest
from redis import Redis

from api.ids import JobIds
from shared.batch_jobs import split_job
from shared.batch_store import RedisBatchStore
from shared.broker import CeleryBroker, make_celery
from shared.errors import StoreFull
from shared.file_store import LocalFileStore
from shared.job_store import RedisJobStore, Verdict
from shared.jobs import JobStatus
from shared.lane_flow import LaneFlow
from shared.queues import Lane
from shared.registry import RedisRegistry
from shared.settings import Settings
from tests.builders import batch_spec, job_spec, manifest, success
from tests.fakes import FakeBroker, FakeJobStore
from worker.housekeeping import Housekeeping
from worker.sweeper import Sweeper


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> RedisJobStore:
    """A store that accepted a job and a batch while there was memory."""
    jobs = RedisJobStore(redis, settings)
    jobs.accept([job_spec("prd_a")])
    RedisBatchStore(redis, settings).accept(batch_spec(), split_job(batch_spec()))
    return jobs


def test_a_new_job_is_refused(jobs: RedisJobStore, full_server: None) -> None:
    with pytest.raises(StoreFull):
        jobs.accept([job_spec("prd_b")])

    assert jobs.find("prd_b") is None


def test_the_message_of_a_job_that_is_refused_is_not_enqueued(
    redis: Redis, settings: Settings, jobs: RedisJobStore, full_server: None
) -> None:
    entry = CeleryBroker(make_celery(settings), redis, settings).entry([job_spec("prd_b")])
    assert entry is not None

    with pytest.raises(StoreFull):
        jobs.accept([job_spec("prd_b")], entry=entry)

    assert (jobs.find("prd_b"), redis.llen(entry.key)) == (None, 0)


def test_an_accepted_job_is_claimed_and_answered(jobs: RedisJobStore, full_server: None) -> None:
    assert jobs.claim(["prd_a"], "t1") == [Verdict.CLAIMED]
    assert jobs.renew(["prd_a"], "t1") == 1
    assert jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.1) == [True]

    job = jobs.find("prd_a")
    assert job is not None
    assert job.status is JobStatus.SUCCEEDED


def test_an_accepted_job_is_still_sent(
    redis: Redis, settings: Settings, jobs: RedisJobStore, full_server: None
) -> None:
    CeleryBroker(make_celery(settings), redis, settings).send([job_spec("prd_a")], enqueued_at=1.0)

    assert redis.llen(f"{settings.key_root}broker:interactive") == 1


@pytest.fixture
def known_id(redis: Redis, settings: Settings) -> str:
    return JobIds(redis, settings).new()


def test_a_new_api_process_still_knows_the_ids_of_others(
    redis: Redis, settings: Settings, known_id: str, full_server: None
) -> None:
    assert JobIds(redis, settings).is_ours(known_id)


def test_a_worker_is_still_known_to_live(redis: Redis, settings: Settings, full_server: None) -> None:
    registry = RedisRegistry(redis, settings)

    registry.announce("w1", [Lane.INTERACTIVE], [manifest()])

    assert registry.live_workers(Lane.INTERACTIVE) == 1
    assert [model.is_ready for model in registry.served_models()] == [True]


def test_a_sweeper_still_takes_its_turn(redis: Redis, settings: Settings, full_server: None) -> None:
    housekeeping = Housekeeping(RedisBatchStore(redis, settings), LocalFileStore(Path("nowhere")))

    assert Sweeper(FakeJobStore(settings), FakeBroker(), redis, settings, housekeeping)._take_turn()


def test_an_attempt_at_a_chunk_still_leaves_its_notes(
    redis: Redis, settings: Settings, jobs: RedisJobStore, full_server: None
) -> None:
    batches = RedisBatchStore(redis, settings)

    batches.write_notes("bat_a", 3, b"here it died")

    assert batches.find_notes("bat_a", 3) == b"here it died"


def test_workers_still_note_how_far_they_have_come(redis: Redis, settings: Settings, full_server: None) -> None:
    flow = LaneFlow(redis, settings)

    flow.note(Lane.BULK, 100.0)

    assert flow.find_oldest(Lane.BULK) == 100.0
