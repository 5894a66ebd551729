"""What messages wait for: workers that are free, and clients that come back."""

import pytest

from api.gathering import ACCEPT_SECONDS, FIRST_RETURN_SHARE, HOLD_SECONDS, RETURN_SECONDS, RETURN_SHARES
from tests.unit.api.gathering.conftest import MOMENT, MOST_ROWS, Process

#: What an answer takes, so short that the clients' return is over before a job is recorded on its own.
ANSWER_SECONDS = ACCEPT_SECONDS


def send_one_by_one(process: Process, *job_ids: str) -> list[list[str]]:
    """Gather jobs so that each could leave alone; returns the messages that left."""
    messages = []
    for job_id in job_ids:
        process.gather(job_id)
        messages += process.messages()
    return messages


@pytest.mark.parametrize(
    ("live_workers", "left"),
    [
        pytest.param(0, ["a"], id="none alive: one message waits for the first that is"),
        pytest.param(1, ["a"], id="one"),
        pytest.param(3, ["a", "b", "c"], id="three"),
        pytest.param(None, ["a"], id="unknown"),
    ],
)
def test_as_many_messages_leave_as_workers_are_alive(
    process: Process, live_workers: int | None, left: list[str]
) -> None:
    process.live_workers = live_workers

    assert send_one_by_one(process, "a", "b", "c", "d") == [[job_id] for job_id in left]


@pytest.mark.parametrize(
    ("live_workers", "left"),
    [
        pytest.param(1, ["d"], id="fewer"),
        pytest.param(0, ["d"], id="none"),
        pytest.param(None, ["d", "e", "f"], id="unknown: as many as before"),
    ],
)
def test_the_number_of_workers_is_that_of_the_last_message(
    process: Process, live_workers: int | None, left: list[str]
) -> None:
    process.live_workers = 3
    send_one_by_one(process, "a", "b", "c")
    process.answer("a", "b", "c")

    process.live_workers = live_workers

    assert send_one_by_one(process, "d", "e", "f", "g") == [[job_id] for job_id in left]


@pytest.mark.parametrize(
    ("answered_after", "wait_seconds"),
    [
        pytest.param(0.016, 0.016 * FIRST_RETURN_SHARE, id="a share of what the answer took"),
        pytest.param(0.800, RETURN_SECONDS, id="at most"),
    ],
)
def test_clients_that_were_answered_together_are_given_a_moment_to_come_back(
    process: Process, answered_after: float, wait_seconds: float
) -> None:
    process.gather("a", "b", is_awaited=True)
    process.step()
    process.answer("a", "b", after_seconds=answered_after)

    process.gather("c")
    before = process.messages()
    process.let_time_pass(wait_seconds - MOMENT)
    still_before = process.messages()
    process.let_time_pass(2 * MOMENT)

    assert (before, still_before, process.messages()) == ([], [], [["c"]])


@pytest.fixture
def answered(process: Process) -> Process:
    """A process three of whose clients have just been answered."""
    process.live_workers = 2
    process.gather("first", "second", "third", is_awaited=True)
    process.step()
    process.answer("first", "second", "third", after_seconds=ANSWER_SECONDS)
    return process


def test_clients_are_waited_for_until_as_many_have_come_back(answered: Process) -> None:
    answered.gather("a", "b")
    waits_seconds = answered.waits_seconds()
    answered.gather("c")

    assert waits_seconds == pytest.approx(ANSWER_SECONDS * FIRST_RETURN_SHARE)
    assert answered.messages() == [["a", "b", "c"]]


def test_jobs_that_have_gathered_before_the_answer_count_for_no_client(busy: Process) -> None:
    busy.gather("second", "third", is_awaited=True)
    busy.answer("first")
    busy.step()
    busy.gather("waiting")
    busy.answer("second", "third", after_seconds=ANSWER_SECONDS - MOMENT)

    busy.gather("a")
    before = busy.messages()
    busy.gather("b")

    assert (before, busy.messages()) == ([], [["waiting", "a", "b"]])


def test_a_job_that_waits_for_clients_is_recorded_meanwhile(process: Process) -> None:
    process.gather("first", "second", is_awaited=True)
    process.step()
    process.answer("first", "second", after_seconds=2 * RETURN_SECONDS / FIRST_RETURN_SHARE)
    process.gather("a")

    process.let_time_pass(ACCEPT_SECONDS + MOMENT)

    assert process.step() == (["a"], [])


def test_clients_that_may_come_back_hold_no_message_longer_than_workers_may(process: Process) -> None:
    process.gather("first", "second", is_awaited=True)
    process.step()
    process.gather("a")
    process.let_time_pass(HOLD_SECONDS - RETURN_SECONDS / 2)
    process.step()

    process.answer("first", "second")

    assert process.waits_seconds() == pytest.approx(RETURN_SECONDS / 2)


def test_a_full_message_waits_for_no_client(answered: Process) -> None:
    answered.gather("full", rows=MOST_ROWS)

    assert answered.messages() == [["full"]]


def test_clients_that_do_not_come_back_hold_nobody_up(answered: Process) -> None:
    answered.let_time_pass(RETURN_SECONDS)

    answered.gather("a")

    assert answered.messages() == [["a"]]


CLIENTS = ["one", "two", "three", "four"]


def answer_clients(process: Process, *, back: int) -> None:
    """Answer four clients, of whom so many come back in time."""
    process.gather(*CLIENTS, is_awaited=True)
    process.messages()
    process.answer(*CLIENTS, after_seconds=ANSWER_SECONDS)
    process.gather(*CLIENTS[:back])
    process.let_time_pass(RETURN_SECONDS)
    process.messages()
    process.answer(*CLIENTS[:back])


@pytest.mark.parametrize(
    ("back", "factor"),
    [
        pytest.param([4], 2, id="all"),
        pytest.param([2], 2, id="half"),
        pytest.param([1], 1 / 2, id="fewer"),
        pytest.param([4] * 9, RETURN_SHARES[1] / FIRST_RETURN_SHARE, id="all, always: at most"),
        pytest.param([1] * 9, RETURN_SHARES[0] / FIRST_RETURN_SHARE, id="few, always: at least"),
        pytest.param([1] * 9 + [4], 2 * RETURN_SHARES[0] / FIRST_RETURN_SHARE, id="all again"),
    ],
)
def test_clients_are_waited_for_the_longer_the_more_have_come_back(
    process: Process, back: list[int], factor: float
) -> None:
    for clients in back:
        answer_clients(process, back=clients)
    process.gather(*CLIENTS, is_awaited=True)
    process.messages()
    process.answer(*CLIENTS, after_seconds=ANSWER_SECONDS)

    process.gather("one", is_awaited=True)

    assert process.waits_seconds() == pytest.approx(ANSWER_SECONDS * FIRST_RETURN_SHARE * factor)


def test_clients_are_waited_for_once_only(answered: Process) -> None:
    answered.gather("a", "b", "c")
    answered.messages()

    answered.gather("d")

    assert answered.messages() == [["d"]]


def test_nobody_is_waited_for_after_an_answer_to_one_client(process: Process) -> None:
    process.gather("awaited", is_awaited=True)
    process.gather("other", "another")
    process.step()
    process.answer("awaited", "other", "another", after_seconds=0.016)

    process.gather("a")

    assert process.messages() == [["a"]]
