"""How long a new file would wait: for the steps ahead of it, as fast as the workers are."""

import pytest
from redis import Redis

from shared.job_store import RedisJobStore
from shared.jobs import Once
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept


@pytest.fixture
def busy(jobs: RedisJobStore) -> None:
    """Workers have taken 3 s for a step, and four steps wait."""
    jobs.accept([job_spec("prd_before", lane=Lane.BULK)])
    jobs.claim(["prd_before"], "t1")
    jobs.finish(Lane.BULK, {"prd_before": success()}, "t1", busy_seconds=3.0)
    jobs.accept([job_spec(f"prd_{number}", lane=Lane.BULK) for number in range(4)])


@pytest.mark.usefixtures("busy")
def test_a_file_waits_for_every_step_ahead(batches: TimedRedisBatchStore) -> None:
    assert batches.find_wait_seconds() == pytest.approx(12.0)


@pytest.mark.usefixtures("busy")
def test_twice_as_many_workers_take_half_as_long(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    redis.zadd(f"{settings.key_root}workers:bulk", {"w1": 4e9, "w2": 4e9})

    assert batches.find_wait_seconds() == pytest.approx(6.0)


@pytest.mark.usefixtures("busy")
def test_what_was_accepted_need_not_wait_again(batches: TimedRedisBatchStore) -> None:
    accept(batches, once=Once("k1", "d1"))

    assert batches.find_wait_seconds("k1") is None
    assert batches.find_wait_seconds("k2") is not None


def test_nothing_is_known_before_a_worker_has_shown_its_speed(
    batches: TimedRedisBatchStore, jobs: RedisJobStore
) -> None:
    jobs.accept([job_spec("prd_a", lane=Lane.BULK)])

    assert batches.find_wait_seconds() is None
