"""When a job is recorded that has to wait for its message, and what becomes of one that is refused."""

from collections.abc import Callable

import pytest

from api.gathering import ACCEPT_SECONDS
from tests.unit.api.gathering.conftest import MOMENT, MOST_BYTES, MOST_ROWS, Process


def test_a_job_that_has_to_wait_for_its_message_is_recorded_meanwhile(busy: Process) -> None:
    busy.gather("a")
    assert busy.waits_seconds() == pytest.approx(ACCEPT_SECONDS)

    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)

    assert busy.step() == (["a"], [])


def test_jobs_are_recorded_together_when_the_first_has_waited(busy: Process) -> None:
    busy.gather("a")
    busy.let_time_pass(ACCEPT_SECONDS)
    busy.gather("b")

    assert busy.step() == (["a", "b"], [])


def test_a_job_whose_client_waits_for_its_result_is_recorded_with_its_message(busy: Process) -> None:
    busy.gather("a", is_awaited=True)
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    too_early = busy.step()

    busy.answer("first")

    assert (too_early, busy.step()) == (([], []), (["a"], ["a"]))


def test_a_client_that_waits_for_a_202_has_those_recorded_that_came_before_it(busy: Process) -> None:
    busy.gather("a", is_awaited=True)
    busy.gather("b")

    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)

    assert busy.step() == (["a", "b"], [])


def test_a_recorded_job_is_not_recorded_again(busy: Process) -> None:
    busy.gather("a")
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()
    busy.gather("b")

    busy.answer("first")

    assert busy.step() == (["b"], ["a", "b"])


def test_a_job_that_could_not_be_recorded_is_not_sent(busy: Process) -> None:
    busy.gather("refused")
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()
    busy.drop("refused")
    busy.gather("a")

    busy.answer("first")

    assert busy.messages() == [["a"]]


@pytest.mark.parametrize("leave", [Process.drop, Process.answer], ids=["could not be recorded", "has its end already"])
def test_a_job_that_does_not_wait_for_its_message_any_more_takes_no_room(
    busy: Process, leave: Callable[[Process, str], None]
) -> None:
    busy.gather("gone", rows=MOST_ROWS - 1, size_bytes=MOST_BYTES - 1)
    busy.let_time_pass(ACCEPT_SECONDS + MOMENT)
    busy.step()
    leave(busy, "gone")

    busy.gather("a", rows=2, size_bytes=2)

    assert busy.messages() == []
