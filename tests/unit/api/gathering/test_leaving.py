"""Which jobs leave together, and when."""

from typing import Any

import pytest

from api.gathering import ACCEPT_SECONDS, HOLD_SECONDS, LOST_SECONDS
from shared.jobs import ModelRef
from shared.queues import Lane
from tests.unit.api.gathering.conftest import MOMENT, MOST_ROWS, Process


def test_without_a_job_there_is_nothing_to_do(process: Process) -> None:
    assert process.waits_seconds() is None


def test_an_idle_process_records_and_sends_a_job_at_once(process: Process) -> None:
    process.gather("a")

    assert process.step() == (["a"], ["a"])
    assert process.waits_seconds() is None


def test_jobs_that_came_together_leave_as_one_message_in_their_order(process: Process) -> None:
    process.gather("a", "c", "b")

    assert process.step() == (["a", "c", "b"], ["a", "c", "b"])


def test_jobs_gather_while_the_workers_have_enough_to_do(busy: Process) -> None:
    busy.gather("a", "b")

    assert busy.step() == ([], [])


def test_what_has_gathered_leaves_when_the_message_is_answered(busy: Process) -> None:
    busy.gather("a", "b")

    busy.answer("first")

    assert busy.messages() == [["a", "b"]]


def test_a_message_is_answered_when_its_last_job_is(process: Process) -> None:
    process.gather("a", "b")
    process.step()
    process.gather("c")

    process.answer("b")
    after_one = process.messages()
    process.answer("a")

    assert (after_one, process.messages()) == ([], [["c"]])


def test_a_job_whose_end_is_told_twice_counts_once(process: Process) -> None:
    process.gather("a", "b")
    process.step()
    process.gather("c")

    process.answer("a", "a")
    process.answer("a")

    assert process.messages() == []


def test_ends_of_jobs_of_other_processes_are_passed_over(busy: Process) -> None:
    busy.gather("a")

    busy.answer("another")

    assert busy.messages() == []


def test_a_job_that_ends_before_its_message_leaves_is_not_sent(busy: Process) -> None:
    # No worker would tell its end once more, so its message would never be answered.
    busy.gather("canceled", "a")
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()

    busy.answer("canceled", "first")

    assert busy.messages() == [["a"]]


def test_a_message_leaves_after_a_while_whatever_the_workers_do(busy: Process) -> None:
    busy.gather("a")
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()
    assert busy.waits_seconds() == pytest.approx(HOLD_SECONDS - ACCEPT_SECONDS)

    busy.let_time_pass(HOLD_SECONDS - ACCEPT_SECONDS)

    assert busy.step() == ([], ["a"])


def test_the_time_of_a_message_counts_from_its_first_job(busy: Process) -> None:
    busy.gather("a")
    busy.let_time_pass(HOLD_SECONDS - ACCEPT_SECONDS / 2)
    busy.messages()

    busy.gather("b")

    assert busy.waits_seconds() == pytest.approx(ACCEPT_SECONDS / 2)


def test_a_message_that_is_never_answered_holds_nobody_up_any_more(busy: Process) -> None:
    busy.let_time_pass(LOST_SECONDS - HOLD_SECONDS / 2)
    busy.gather("a")
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()
    assert busy.waits_seconds() == pytest.approx(HOLD_SECONDS / 2 - ACCEPT_SECONDS)

    busy.let_time_pass(HOLD_SECONDS / 2 - ACCEPT_SECONDS)

    assert busy.messages() == [["a"]]


def test_a_message_that_was_given_up_makes_no_room_for_more_than_one(busy: Process) -> None:
    busy.let_time_pass(LOST_SECONDS)
    busy.gather("a")
    busy.messages()

    busy.gather("b")

    assert busy.messages() == []


def test_nothing_is_remembered_of_a_message_that_was_given_up(busy: Process) -> None:
    busy.let_time_pass(LOST_SECONDS)
    busy.step()

    assert busy._gathering._messages == {}


def test_an_answer_after_the_message_was_given_up_changes_nothing(busy: Process) -> None:
    busy.let_time_pass(LOST_SECONDS)
    busy.gather("a")
    busy.messages()

    busy.answer("first")

    busy.gather("b")
    assert busy.messages() == []


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"model": ModelRef("age", "1", "0" * 64)}, id="another model"),
        pytest.param({"model": ModelRef("gender", "2", "0" * 64)}, id="another version"),
        pytest.param({"lane": Lane.BULK}, id="another lane"),
    ],
)
def test_jobs_that_cannot_share_a_message_neither_share_one_nor_wait_for_each_other(
    busy: Process, other: dict[str, Any]
) -> None:
    busy.gather("a")
    busy.gather("b", **other)

    assert busy.messages() == [["b"]]


def test_a_flood_of_one_lane_does_not_go_before_an_earlier_job_of_another(process: Process) -> None:
    process.gather("first")
    process.step()
    process.gather("earlier", lane=Lane.BULK)
    process.let_time_pass(0.001)
    process.gather("flood", rows=MOST_ROWS)

    assert [process.step()[1], process.step()[1]] == [["earlier"], ["flood"]]


@pytest.mark.parametrize(
    ("earlier", "later"), [(Lane.INTERACTIVE, Lane.BULK), (Lane.BULK, Lane.INTERACTIVE)], ids=["first", "second"]
)
def test_the_earliest_of_all_moments_is_the_one_to_look_again(busy: Process, earlier: Lane, later: Lane) -> None:
    busy.gather("of bulk", lane=Lane.BULK)
    busy.messages()

    busy.gather("a", lane=earlier)
    busy.let_time_pass(0.001)
    busy.gather("b", lane=later)

    assert busy.waits_seconds() == pytest.approx(ACCEPT_SECONDS - 0.001)
