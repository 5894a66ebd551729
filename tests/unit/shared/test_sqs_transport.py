import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from botocore.exceptions import ReadTimeoutError

from shared import sqs_transport
from shared.sqs_transport import Messages, Receiver

MESSAGE = {"ReceiptHandle": "one"}
SECONDS = 10.0


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqs_transport, "FIRST_PAUSE_SECONDS", 0.001)


class Queue:
    """Answers as it is told, then waits."""

    def __init__(self, *answers: Messages | Exception) -> None:
        self._answers: Iterator[Messages | Exception] = iter(answers)
        self.was_read = threading.Event()
        self.may_answer = threading.Event()
        self.handed_over: SimpleQueue[Messages] = SimpleQueue()
        self.given_back: SimpleQueue[Messages] = SimpleQueue()

    def read(self) -> Messages:
        answer = next(self._answers, None)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.was_read.set()
            self.may_answer.wait(SECONDS)
            return [MESSAGE]
        return answer

    def receiver(self) -> Receiver:
        return Receiver("q", read=self.read, hand_over=self.handed_over.put, give_back=self.given_back.put)


def test_a_receiver_reads_until_there_is_a_message() -> None:
    queue = Queue([], [], [MESSAGE])

    queue.receiver().ask()

    assert queue.handed_over.get(timeout=SECONDS) == [MESSAGE]


def test_a_receiver_takes_nothing_that_was_not_asked_for() -> None:
    queue = Queue([MESSAGE])

    queue.receiver().ask()

    assert queue.handed_over.get(timeout=SECONDS) == [MESSAGE]
    assert not queue.was_read.wait(0.05)


def test_a_queue_that_cannot_be_read_is_read_again() -> None:
    broken = ReadTimeoutError(endpoint_url="http://127.0.0.1")
    queue = Queue(broken, broken, broken, [MESSAGE])

    queue.receiver().ask()

    assert queue.handed_over.get(timeout=SECONDS) == [MESSAGE]


def test_messages_that_nobody_wants_any_more_are_given_back() -> None:
    queue = Queue()
    receiver = queue.receiver()
    receiver.ask()
    queue.was_read.wait(SECONDS)

    receiver.close()
    queue.may_answer.set()

    assert queue.given_back.get(timeout=SECONDS) == [MESSAGE]
    assert queue.handed_over.empty()
