"""A batch store on a real server, and what the workers do to a batch in it."""

from collections.abc import Callable, Mapping

import pytest
from redis import Redis

from shared.batch_jobs import split_job
from shared.batch_store import Batch
from shared.batches import BatchSpec
from shared.settings import Settings
from tests.builders import batch_spec, chunk, part
from tests.fakes import TimedRedisBatchStore


@pytest.fixture
def keys(redis: Redis, settings: Settings) -> Callable[[], set[bytes]]:
    """Tells every key of this test's deployment."""
    return lambda: set(redis.scan_iter(f"{settings.key_root}*"))


def accept(batches: TimedRedisBatchStore, batch_id: str = "bat_a", **overrides: object) -> BatchSpec:
    spec = batch_spec(batch_id, **overrides)
    batches.accept(spec, split_job(spec))
    return spec


def find(batches: TimedRedisBatchStore, batch_id: str = "bat_a") -> Batch:
    batch = batches.find(batch_id)
    assert batch is not None
    return batch


def complete(batches: TimedRedisBatchStore, batch_id: str = "bat_a") -> None:
    """Do what the workers do with a batch of one chunk."""
    batches.note_chunks(batch_id, [chunk()], rows_total=10)
    batches.record_part(batch_id, 0, part(failed=1, errors_by_code={"missing_value": 1}))


def progress(batch: Batch) -> tuple[int, int, int, Mapping[str, int]]:
    return batch.chunks_done, batch.rows_done, batch.rows_failed, batch.errors_by_code
