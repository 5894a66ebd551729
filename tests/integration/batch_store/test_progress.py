"""What the batch store promises of chunks and parts: each counts once, and the last one completes."""

import pytest

from shared.batches import BatchStatus
from shared.settings import Settings
from tests.builders import chunk, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find, progress


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

    assert batches.count_chunks("bat_a") == 3
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
