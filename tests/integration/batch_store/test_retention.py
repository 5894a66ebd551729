"""What the batch store promises of old batches: they are kept for a time, then nothing is left."""

from collections.abc import Callable

import pytest

from shared.batches import BatchStatus
from shared.settings import Settings
from tests.builders import chunk, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find


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

    # The first step is a job, which the job store deletes; that a batch ended stays counted.
    left = {f"{settings.key_root}{name}".encode() for name in ("job:bat_a.split", "batches_ended")}
    assert keys() == unrelated | left


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
