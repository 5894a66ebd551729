"""What the batch store promises, against a real server."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from redis import Redis

from shared.batch_jobs import split_job
from shared.batch_store import CANCELED, Batch, EndVerdict
from shared.batches import BatchError, BatchErrorCode, BatchSpec, BatchStatus, OnError
from shared.errors import StoreFull, StoreUnavailable
from shared.job_store import RedisJobStore, Verdict
from shared.jobs import JobStatus
from shared.settings import Settings
from tests.builders import batch_spec, chunk, part
from tests.fakes import TimedRedisBatchStore

WORKER_DIED = BatchError(BatchErrorCode.WORKER_DIED, "every worker died")


@pytest.fixture
def batches(redis: Redis, settings: Settings) -> TimedRedisBatchStore:
    return TimedRedisBatchStore(redis, settings)


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> RedisJobStore:
    return RedisJobStore(redis, settings)


@pytest.fixture
def full_server(redis: Redis) -> Iterator[None]:
    """The server has no memory left for anything that could be refused."""
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


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


def test_an_accepted_batch_is_queued_as_it_was_sent(batches: TimedRedisBatchStore) -> None:
    spec = batch_spec(on_error=OnError.ABORT, max_error_ratio=0.25)

    accepted_at = batches.accept(spec, split_job(spec))

    batch = find(batches)
    assert batch == Batch(spec, BatchStatus.QUEUED, accepted_at, batch.read_at, 0, 0, 0)
    assert batch.read_at >= accepted_at


def test_the_first_step_is_accepted_with_its_batch(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    spec = batch_spec()

    batches.accept(spec, split_job(spec))

    job = jobs.find(split_job(spec).id)
    assert job is not None
    assert (job.spec, job.status) == (split_job(spec), JobStatus.QUEUED)


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


def test_a_batch_runs_once_its_first_chunk_is_known(batches: TimedRedisBatchStore) -> None:
    accept(batches)

    status = batches.note_chunks("bat_a", [chunk()], rows_total=None)

    batch = find(batches)
    assert (status, batch.status) == (BatchStatus.RUNNING, BatchStatus.RUNNING)
    assert batch.started_at is not None
    assert (batch.rows_total, batch.chunks_total) == (None, None)


def test_chunks_are_read_back_in_the_order_asked_for(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1), chunk(2)], rows_total=None)

    assert batches.chunks("bat_a", [2, 0]) == [chunk(2), chunk(0)]


def test_a_chunk_that_was_never_noted_is_a_key_error(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0)], rows_total=None)

    with pytest.raises(KeyError, match="no chunk 7"):
        batches.chunks("bat_a", [0, 7])


def test_the_totals_count_all_chunks_that_were_noted(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0)], rows_total=None)
    batches.note_chunks("bat_a", [chunk(1), chunk(2)], rows_total=None)

    batches.note_chunks("bat_a", [], rows_total=30)

    assert (find(batches).rows_total, find(batches).chunks_total) == (30, 3)


def test_chunks_noted_twice_change_nothing(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    batches.record_part("bat_a", 0, part())
    once = find(batches)

    status = batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)

    twice = find(batches)
    assert status is BatchStatus.RUNNING
    assert (twice.started_at, twice.rows_total, twice.chunks_total) == (once.started_at, 20, 2)
    assert progress(twice) == progress(once)


def test_the_first_part_of_a_chunk_wins(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)

    is_recorded = [batches.record_part("bat_a", 0, part(token)) for token in ("t1", "t2")]

    assert is_recorded == [True, False]
    assert batches.parts("bat_a") == [part("t1")]


@pytest.mark.parametrize("token", [pytest.param("t1", id="a lost answer"), pytest.param("t2", id="another attempt")])
def test_a_chunk_is_counted_once(batches: TimedRedisBatchStore, token: str) -> None:
    errors = {"missing_value": 2, "out_of_range": 1}
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    batches.record_part("bat_a", 0, part("t1", failed=3, errors_by_code=errors))

    batches.record_part("bat_a", 0, part(token, failed=3, errors_by_code=errors))

    assert progress(find(batches)) == (1, 10, 3, errors)


def test_recording_again_after_a_lost_answer_is_the_same_part(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0)], rows_total=10)
    batches.record_part("bat_a", 0, part("t1"))

    assert batches.record_part("bat_a", 0, part("t1"))
    assert find(batches).status is BatchStatus.COMPLETED


def test_errors_are_summed_by_their_code(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    batches.record_part("bat_a", 0, part(failed=3, errors_by_code={"out_of_range": 1, "missing_value": 2}))
    batches.record_part("bat_a", 1, part(failed=4, errors_by_code={"missing_value": 4}))

    assert progress(find(batches)) == (2, 20, 7, {"missing_value": 6, "out_of_range": 1})


def test_a_batch_completes_with_its_last_part(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=20)
    batches.record_part("bat_a", 1, part())
    before = find(batches).status

    batches.record_part("bat_a", 0, part())

    assert (before, find(batches).status) == (BatchStatus.RUNNING, BatchStatus.COMPLETED)


def test_a_batch_whose_parts_came_before_its_totals_completes_with_the_totals(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(0), chunk(1)], rows_total=None)
    batches.record_part("bat_a", 0, part())
    batches.record_part("bat_a", 1, part())
    before = find(batches).status

    status = batches.note_chunks("bat_a", [], rows_total=20)

    assert (before, status) == (BatchStatus.RUNNING, BatchStatus.COMPLETED)


def test_a_completed_batch_says_when_it_will_go_and_has_no_error(
    batches: TimedRedisBatchStore, settings: Settings
) -> None:
    accept(batches)

    complete(batches)

    batch = find(batches)
    assert batch.completed_at is not None
    assert batch.expires_at == pytest.approx(batch.completed_at + settings.retention_seconds)
    assert batch.error is None


def test_a_batch_without_chunks_completes_at_once(batches: TimedRedisBatchStore) -> None:
    accept(batches)

    status = batches.note_chunks("bat_a", [], rows_total=0)

    assert status is BatchStatus.COMPLETED


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


def test_parts_stop_at_a_gap(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    batches.note_chunks("bat_a", [chunk(index) for index in range(4)], rows_total=40)
    batches.record_part("bat_a", 3, part("t3"))
    batches.record_part("bat_a", 1, part("t1"))
    batches.record_part("bat_a", 0, part("t0"))

    assert [one.token for one in batches.parts("bat_a")] == ["t0", "t1"]


def test_parts_are_in_the_order_of_the_file_and_not_of_their_coming(batches: TimedRedisBatchStore) -> None:
    indexes = [11, 2, 10, 0, 1, 9, 8, 7, 6, 5, 4, 3]
    accept(batches)
    batches.note_chunks("bat_a", [chunk(index) for index in range(12)], rows_total=None)

    recorded = [batches.record_part("bat_a", index, part(f"t{index}")) for index in indexes]

    assert all(recorded)
    assert [one.token for one in batches.parts("bat_a")] == [f"t{index}" for index in range(12)]


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


def test_a_batch_past_its_retention_is_named_until_it_is_forgotten(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    complete(batches)
    batches.let_time_pass(86_401)

    first, second = batches.sweep(), batches.sweep()
    batches.forget("bat_a")

    assert (first, second, batches.sweep()) == (["bat_a"], ["bat_a"], [])


@pytest.mark.parametrize("seconds", [pytest.param(0, id="just ended"), pytest.param(86_300, id="nearly past")])
def test_a_batch_within_its_retention_is_kept(batches: TimedRedisBatchStore, seconds: int) -> None:
    accept(batches)
    complete(batches)
    batches.let_time_pass(seconds)

    assert batches.sweep() == []


def test_a_batch_that_is_not_final_is_kept_however_old(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=1e9)
    batches.let_time_pass(1e8)

    assert batches.sweep() == []
    assert find(batches).status is BatchStatus.QUEUED


def test_an_expired_batch_goes_after_its_retention(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.let_time_pass(91)
    batches.sweep()
    batches.let_time_pass(86_401)

    assert batches.sweep() == ["bat_a"]


def test_nothing_of_a_forgotten_batch_is_left(
    batches: TimedRedisBatchStore, settings: Settings, keys: Callable[[], set[bytes]]
) -> None:
    accept(batches, "bat_b")
    batches.note_chunks("bat_b", [chunk()], rows_total=None)
    unrelated = keys()
    accept(batches, "bat_a")
    complete(batches, "bat_a")

    batches.forget("bat_a")

    # The first step is a job, which the job store deletes.
    assert keys() == unrelated | {f"{settings.key_root}job:bat_a.split".encode()}


def test_a_forgotten_batch_does_not_come_back(batches: TimedRedisBatchStore, keys: Callable[[], set[bytes]]) -> None:
    accept(batches)
    complete(batches)
    batches.forget("bat_a")
    before = keys()

    batches.record_part("bat_a", 0, part("t2"))
    batches.note_chunks("bat_a", [chunk()], rows_total=10)
    batches.sweep()

    assert keys() == before
    assert batches.find("bat_a") is None


def test_a_batch_forgotten_before_it_ended_leaves_no_deadline(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.forget("bat_a")
    batches.let_time_pass(91)

    batches.sweep()

    assert batches.find("bat_a") is None


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
