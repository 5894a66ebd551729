import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import ContentDisallowed
from kombu.message import Message

from shared.errors import StoreFull, StoreUnavailable
from shared.queues import TaskName
from shared.sqs_messages import Origin
from worker.activity import Activity
from worker.measures import Measures
from worker.tasks import call_at_once, register_tasks


class Recorder:
    """Stands where the work is done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[Any] = []
        self._error = error

    def run(self, message: Any, _origin: Origin | None) -> None:
        self.taken.append(message)
        if self._error is not None:
            raise self._error


#: No message here tells when it was sent, so none is noted.
FLOW: Any = None
ARGUMENTS = {"v": 1, "model": "gender/1", "lane": "interactive", "rows": {"prd_a": [[181.0, 80.0, 44.0]]}}


def message_of(arguments: dict[str, Any], *, content_type: str = "application/json") -> Message:
    body = json.dumps([[], arguments, {}])
    accept = {"application/json"}
    return Message(body, content_type=content_type, content_encoding="utf-8", accept=accept)  # type: ignore[no-untyped-call]


def make_celery_with(work: Any) -> Celery:
    celery = Celery("test", set_as_current=False)
    register_tasks(celery, work, work, flow=FLOW, activity=Activity(), measures=Measures())
    return celery


def handle(work: Any, message: Message) -> list[str]:
    """Take one message as a worker does; returns what became of it."""
    celery = make_celery_with(work)
    done: list[str] = []
    consumer = SimpleNamespace(connection_errors=())

    def acknowledge(_logger: logging.Logger, _errors: tuple[type[Exception], ...]) -> None:
        done.append("acknowledged")

    def reject(_logger: logging.Logger, _errors: tuple[type[Exception], ...], *, requeue: bool) -> None:
        done.append(f"rejected, {requeue=}")

    call_at_once(celery.tasks[TaskName.PREDICT], celery, consumer)(message, None, acknowledge, reject, [])
    return done


def test_a_message_is_done_at_once_and_then_acknowledged() -> None:
    recorder = Recorder()

    acknowledged = handle(recorder, message_of(ARGUMENTS))

    assert ([message.model_key for message in recorder.taken], acknowledged) == (["gender/1"], ["acknowledged"])


def test_whatever_a_task_raises_is_logged_and_its_message_left_with_its_broker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        done = handle(Recorder(RuntimeError("a defect")), message_of(ARGUMENTS))

    assert ([record.message for record in caplog.records], done) == (["task failed"], ["rejected, requeue=False"])


@pytest.mark.parametrize(
    ("arguments", "detail"),
    [
        pytest.param(ARGUMENTS | {"v": 99}, "message version 99", id="message of another release"),
        pytest.param({}, "message version None", id="message without arguments"),
    ],
)
def test_a_message_that_cannot_be_read_is_dropped_and_the_log_says_why(
    arguments: dict[str, Any], detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        done = handle(Recorder(), message_of(arguments))

    (record,) = caplog.records
    assert (record.message, detail in vars(record)["detail"], done) == ("message dropped", True, ["acknowledged"])


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreFull("full")], ids=["away", "full"])
def test_a_message_stays_with_its_broker_while_the_store_takes_nothing(error: Exception) -> None:
    assert handle(Recorder(error), message_of(ARGUMENTS)) == ["rejected, requeue=False"]


def test_the_log_of_a_failure_says_where_but_not_what_the_message_holds(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        handle(Recorder(RuntimeError("row 181.0")), message_of(ARGUMENTS))

    (record,) = caplog.records
    assert ("in run" in vars(record)["traceback"], "181.0" in str(vars(record))) == (True, False)


def test_a_message_that_could_carry_code_is_left_to_celery_to_refuse() -> None:
    with pytest.raises(ContentDisallowed):
        handle(Recorder(), message_of(ARGUMENTS, content_type="application/x-python-serialize"))


@pytest.mark.parametrize("name", TaskName)
def test_celery_calls_each_task_at_once(name: TaskName) -> None:
    celery = make_celery_with(Recorder())

    handler = celery.tasks[name].start_strategy(celery, None)

    assert handler.__qualname__.startswith("call_at_once.")
