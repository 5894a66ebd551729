"""What the batch store promises of the end of a batch: there is one, with its reason, and it stays."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from shared.batch_jobs import split_job
from shared.batch_store import CANCELED, EndVerdict
from shared.batches import BatchError, BatchErrorCode, BatchStatus, OnError
from shared.job_store import RedisJobStore
from shared.settings import Settings
from tests.builders import batch_spec, chunk, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find, progress

WORKER_DIED = BatchError(BatchErrorCode.WORKER_DIED, "every worker died")


@pytest.mark.parametrize(
    ("rows_total", "failed", "status"),
    [
        pytest.param(20, 0, BatchStatus.RUNNING, id="no row failed"),
        pytest.param(20, 1, BatchStatus.FAILED, id="one row failed"),
        pytest.param(None, 1, BatchStatus.FAILED, id="before the totals are known"),
    ],
)
def test_a_batch_that_aborts_on_error_ends_with_its_first_failed_row(
    batches: TimedRedisBatchStore, rows_total: int | None, failed: int, status: BatchStatus
) -> None:
    accept(batches, on_error=OnError.ABORT)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=rows_total)

    batches.record_part("bat_a", 0, part(failed=failed))

    assert find(batches).status is status


def test_a_batch_aborted_by_its_last_part_is_not_completed(batches: TimedRedisBatchStore) -> None:
    accept(batches, on_error=OnError.ABORT)
    batches.note_chunks("bat_a", [chunk(0)], rows_total=10)

    batches.record_part("bat_a", 0, part(failed=1))

    error = find(batches).error
    assert error is not None
    assert error.code == BatchErrorCode.ABORTED_ON_ERROR


@pytest.mark.parametrize(
    ("ratio", "failed", "status"),
    [
        pytest.param(0.1, 2, BatchStatus.RUNNING, id="as many as allowed"),
        pytest.param(0.1, 3, BatchStatus.FAILED, id="one more than allowed"),
        pytest.param(0.0, 1, BatchStatus.FAILED, id="none allowed"),
        pytest.param(1.0, 10, BatchStatus.RUNNING, id="all allowed"),
    ],
)
def test_a_batch_with_too_many_failed_rows_fails(
    batches: TimedRedisBatchStore, ratio: float, failed: int, status: BatchStatus
) -> None:
    accept(batches, max_error_ratio=ratio)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)

    batches.record_part("bat_a", 0, part(failed=failed))

    assert find(batches).status is status


def test_the_share_of_failed_rows_is_decided_once_the_rows_are_counted(batches: TimedRedisBatchStore) -> None:
    accept(batches, max_error_ratio=0.1)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=None)
    batches.record_part("bat_a", 0, part(failed=3))
    before = find(batches).status

    status = batches.note_chunks("bat_a", [], rows_total=20)

    error = find(batches).error
    assert error is not None
    assert (before, status, error.code) == (BatchStatus.RUNNING, BatchStatus.FAILED, BatchErrorCode.TOO_MANY_ERRORS)


def test_a_batch_with_too_many_failed_rows_is_not_completed_by_its_last_part(batches: TimedRedisBatchStore) -> None:
    accept(batches, max_error_ratio=0.1)
    batches.note_chunks("bat_a", [chunk(0)], rows_total=10)

    batches.record_part("bat_a", 0, part(failed=2))

    assert find(batches).status is BatchStatus.FAILED


def test_a_batch_can_be_ended_with_a_reason(batches: TimedRedisBatchStore) -> None:
    accept(batches)

    verdict = batches.end("bat_a", BatchStatus.FAILED, WORKER_DIED)

    batch = find(batches)
    assert (verdict, batch.status, batch.error) == (EndVerdict.ENDED, BatchStatus.FAILED, WORKER_DIED)
    assert batch.expires_at is not None


def test_ending_again_after_a_lost_answer_changes_nothing(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.end("bat_a", BatchStatus.CANCELED, CANCELED)
    once = find(batches)

    verdict = batches.end("bat_a", BatchStatus.CANCELED, CANCELED)

    assert verdict is EndVerdict.ENDED
    assert find(batches).completed_at == once.completed_at


def end_complete(batches: TimedRedisBatchStore) -> None:
    complete(batches)


def end_canceled(batches: TimedRedisBatchStore) -> None:
    batches.end("bat_a", BatchStatus.CANCELED, CANCELED)


def end_failed(batches: TimedRedisBatchStore) -> None:
    batches.end("bat_a", BatchStatus.FAILED, WORKER_DIED)


def end_expired(batches: TimedRedisBatchStore) -> None:
    batches.let_time_pass(3_601)
    batches.sweep()


def come_too_late(batches: TimedRedisBatchStore) -> None:
    batches.record_part("bat_a", 1, part(failed=10))


def note_too_late(batches: TimedRedisBatchStore) -> None:
    batches.note_chunks("bat_a", [chunk(1)], rows_total=20)


def pass_the_deadline(batches: TimedRedisBatchStore) -> None:
    batches.let_time_pass(3_601)
    batches.sweep()
    batches.find("bat_a")


@pytest.mark.parametrize("later", [end_canceled, end_failed, come_too_late, note_too_late, pass_the_deadline])
@pytest.mark.parametrize(
    ("end", "status"),
    [
        pytest.param(end_complete, BatchStatus.COMPLETED, id="completed"),
        pytest.param(end_canceled, BatchStatus.CANCELED, id="canceled"),
        pytest.param(end_failed, BatchStatus.FAILED, id="failed"),
        pytest.param(end_expired, BatchStatus.EXPIRED, id="expired"),
    ],
)
def test_a_final_status_never_changes(
    batches: TimedRedisBatchStore,
    end: Callable[[TimedRedisBatchStore], None],
    status: BatchStatus,
    later: Callable[[TimedRedisBatchStore], None],
) -> None:
    accept(batches, deadline_seconds=3_600.0)
    end(batches)
    before = find(batches)

    later(batches)

    after = find(batches)
    assert (before.status, after.status) == (status, status)
    assert (after.error, progress(after)) == (before.error, progress(before))


def test_canceling_what_ended_otherwise_is_told(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    complete(batches)

    assert batches.end("bat_a", BatchStatus.CANCELED, CANCELED) is EndVerdict.FINAL


def test_a_part_of_a_batch_that_has_ended_is_not_recorded(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    end_canceled(batches)

    is_recorded = batches.record_part("bat_a", 0, part())

    assert (is_recorded, batches.parts("bat_a")) == (False, [])


def test_a_part_that_was_recorded_before_the_batch_ended_stays_recorded(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    batches.record_part("bat_a", 0, part("t1"))
    end_canceled(batches)

    assert batches.record_part("bat_a", 0, part("t1"))
    assert batches.parts("bat_a") == [part("t1")]


def test_the_split_of_a_batch_that_has_ended_is_told_so(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    end_canceled(batches)

    assert batches.note_chunks("bat_a", [chunk()], rows_total=None) is BatchStatus.CANCELED


def test_a_batch_past_its_deadline_expires_when_it_is_read(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.let_time_pass(91)

    batch = find(batches)

    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.EXPIRED, BatchErrorCode.DEADLINE_PASSED)


def test_a_batch_past_its_deadline_expires_when_it_is_swept(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.note_chunks("bat_a", [chunk()], rows_total=None)
    batches.let_time_pass(91)

    batches.sweep()

    assert not batches.record_part("bat_a", 0, part())
    assert find(batches).status is BatchStatus.EXPIRED


def test_a_batch_before_its_deadline_goes_on(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.let_time_pass(80)

    batches.sweep()

    assert find(batches).status is BatchStatus.QUEUED


def test_a_batch_whose_step_was_set_aside_fails(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    spec = batch_spec()
    step = replace(split_job(spec), max_attempts=1)
    batches.accept(spec, step)
    jobs = RedisJobStore(redis, settings.model_copy(update={"lease_seconds": 1e-6}))
    jobs.claim([step.id], "t1")

    jobs.sweep({})

    batch = batches.find(spec.id)
    assert batch is not None
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, "worker_died")


def test_a_batch_that_ended_stays_so_when_its_step_is_set_aside(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    spec = batch_spec()
    step = replace(split_job(spec), max_attempts=1)
    batches.accept(spec, step)
    jobs = RedisJobStore(redis, settings.model_copy(update={"lease_seconds": 1e-6}))
    jobs.claim([step.id], "t1")
    batches.end(spec.id, BatchStatus.CANCELED, CANCELED)

    jobs.sweep({})

    batch = batches.find(spec.id)
    assert batch is not None
    assert batch.status is BatchStatus.CANCELED
