"""What the batch store promises of accepting a batch: whole with its first step, or not at all."""

from collections.abc import Callable

import pytest
from redis import Redis

from shared.batch_jobs import split_job
from shared.batch_store import CANCELED, Batch, EndVerdict
from shared.batches import BatchStatus, Formulas, OnError
from shared.errors import StoreFull, StoreUnavailable
from shared.job_store import RedisJobStore, Verdict
from shared.jobs import JobStatus
from shared.settings import Settings
from tests.builders import batch_spec, chunk, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find


def test_an_accepted_batch_is_queued_as_it_was_sent(batches: TimedRedisBatchStore) -> None:
    spec = batch_spec(on_error=OnError.ABORT, max_error_ratio=0.25, formulas=Formulas.ESCAPE)

    accepted_at = batches.accept(spec, split_job(spec))
    assert isinstance(accepted_at, float)

    batch = find(batches)
    assert batch == Batch(spec, BatchStatus.QUEUED, accepted_at, batch.read_at, 0, 0, 0)
    assert batch.read_at >= accepted_at


def test_a_record_of_a_batch_that_keeps_formulas_does_not_speak_of_them(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    accept(batches)

    assert b"formulas" not in (redis.hget(f"{settings.key_root}batch:bat_a", "spec") or b"")
    assert find(batches).spec.formulas is Formulas.KEEP


def test_the_first_step_is_accepted_with_its_batch(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    spec = batch_spec()

    batches.accept(spec, split_job(spec))

    job = jobs.find(split_job(spec).id)
    assert job is not None
    assert (job.spec, job.status) == (split_job(spec), JobStatus.QUEUED)


def test_a_batch_and_its_first_step_have_the_same_owner(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    spec = batch_spec(owner="ada")

    batches.accept(spec, split_job(spec))

    step = jobs.find(split_job(spec).id)
    assert step is not None
    assert (find(batches).spec.owner, step.spec.owner) == ("ada", "ada")


def test_the_first_step_counts_as_enqueued_when_its_batch_was_accepted(
    batches: TimedRedisBatchStore, jobs: RedisJobStore
) -> None:
    spec = batch_spec()

    accepted_at = batches.accept(spec, split_job(spec))

    job = jobs.find(split_job(spec).id)
    assert job is not None
    assert job.created_at == accepted_at


def test_accepting_again_after_a_lost_answer_changes_nothing(
    batches: TimedRedisBatchStore, jobs: RedisJobStore
) -> None:
    spec = batch_spec()
    first = batches.accept(spec, split_job(spec))
    jobs.claim([split_job(spec).id], "t1")
    batches.note_chunks(spec.id, [chunk()], rows_total=None)

    second = batches.accept(spec, split_job(spec))

    job = jobs.find(split_job(spec).id)
    assert job is not None
    assert (second, find(batches).status, job.status) == (first, BatchStatus.RUNNING, JobStatus.RUNNING)


@pytest.mark.usefixtures("full_server")
def test_a_full_store_takes_neither_the_batch_nor_its_first_step(
    batches: TimedRedisBatchStore, jobs: RedisJobStore
) -> None:
    spec = batch_spec()

    with pytest.raises(StoreFull):
        batches.accept(spec, split_job(spec))

    assert (batches.find(spec.id), jobs.find(split_job(spec).id)) == (None, None)


def test_a_full_store_finishes_what_it_has_accepted(
    batches: TimedRedisBatchStore, request: pytest.FixtureRequest
) -> None:
    accept(batches)
    request.getfixturevalue("full_server")

    complete(batches)

    assert find(batches).status is BatchStatus.COMPLETED


def test_a_store_that_is_away_is_an_outage(batches: TimedRedisBatchStore, settings: Settings) -> None:
    with Redis.from_url("unix:///nowhere/store.sock") as nobody:
        away = TimedRedisBatchStore(nobody, settings)

        with pytest.raises(StoreUnavailable):
            away.find("bat_a")


def test_the_first_step_can_be_claimed(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    spec = accept(batches)

    assert jobs.claim([split_job(spec).id], "t1") == [Verdict.CLAIMED]


def test_an_unknown_batch_is_not_found(batches: TimedRedisBatchStore) -> None:
    assert batches.find("bat_unknown") is None
    assert batches.note_chunks("bat_unknown", [chunk()], rows_total=10) is None
    assert not batches.record_part("bat_unknown", 0, part())
    assert batches.end("bat_unknown", BatchStatus.CANCELED, CANCELED) is EndVerdict.UNKNOWN
    assert batches.parts("bat_unknown") == []


def test_an_unknown_batch_is_not_written_by_what_comes_too_late(
    batches: TimedRedisBatchStore, keys: Callable[[], set[bytes]]
) -> None:
    batches.note_chunks("bat_unknown", [chunk()], rows_total=10)
    batches.record_part("bat_unknown", 0, part())
    batches.end("bat_unknown", BatchStatus.CANCELED, CANCELED)

    assert keys() == set()
