"""What the batch store promises of mended parts: each takes a place once, and what it replaces is not lost sight of."""

import pytest

from shared.batch_jobs import mend_job
from shared.batch_store import REPLACED_SECONDS
from shared.batches import ReplacedPart
from tests.builders import mend, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find


@pytest.fixture
def mended(batches: TimedRedisBatchStore) -> TimedRedisBatchStore:
    """A store with a batch whose only part has one bad row, taken up again."""
    spec = accept(batches)
    complete(batches)
    assert batches.accept_mend(spec, 1, mend(), mend_job(spec, 1)) == "ok"
    return batches


def test_a_mended_part_takes_the_place_of_the_one_it_names(mended: TimedRedisBatchStore) -> None:
    was_replaced = mended.replace_part("bat_a", 0, "t1", part("t2"))

    assert (was_replaced, mended.parts("bat_a")) == (True, [part("t2")])
    assert (find(mended).rows_failed, find(mended).errors_by_code) == (0, {})


def test_replacing_again_after_a_lost_answer_answers_the_same_and_counts_once(mended: TimedRedisBatchStore) -> None:
    mended.replace_part("bat_a", 0, "t1", part("t2", failed=2, errors_by_code={"missing_value": 2}))

    was_replaced = mended.replace_part("bat_a", 0, "t1", part("t2", failed=2, errors_by_code={"missing_value": 2}))

    assert was_replaced
    assert (find(mended).rows_failed, find(mended).errors_by_code) == (2, {"missing_value": 2})


def test_of_two_parts_that_would_replace_the_same_the_first_does(mended: TimedRedisBatchStore) -> None:
    mended.replace_part("bat_a", 0, "t1", part("t2"))

    assert not mended.replace_part("bat_a", 0, "t1", part("t3"))
    assert mended.parts("bat_a") == [part("t2")]


def test_a_batch_that_has_ended_keeps_its_parts(mended: TimedRedisBatchStore) -> None:
    mended.complete_mend("bat_a")

    assert not mended.replace_part("bat_a", 0, "t1", part("t2"))
    assert [one.token for one in mended.parts("bat_a")] == ["t1"]


def test_a_replaced_part_is_due_for_deletion_once_nobody_reads_it(mended: TimedRedisBatchStore) -> None:
    mended.replace_part("bat_a", 0, "t1", part("t2"))
    at_once = mended.replaced_parts()
    mended.let_time_pass(REPLACED_SECONDS + 1)

    later = mended.replaced_parts()
    mended.forget_replaced(later[0])

    assert (at_once, later) == ([], [ReplacedPart("bat_a", 0, "t1")])
    assert mended.replaced_parts() == []
