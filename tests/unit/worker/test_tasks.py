import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import ContentDisallowed
from kombu.message import Message

from shared.queues import TaskName
from worker.activity import Activity
from worker.tasks import call_at_once, register_tasks


class Recorder:
    """Stands where the work is done."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[Any] = []
        self._error = error

    def run(self, message: Any) -> None:
        self.taken.append(message)
        if self._error is not None:
            raise self._error


ARGUMENTS = {"v": 1, "model": "gender/1", "lane": "interactive", "rows": {"prd_a": [[181.0, 80.0, 44.0]]}}


def message_of(arguments: dict[str, Any], *, content_type: str = "application/json") -> Message:
    body = json.dumps([[], arguments, {}])
    accept = {"application/json"}
    return Message(body, content_type=content_type, content_encoding="utf-8", accept=accept)  # type: ignore[no-untyped-call]


def make_celery_with(work: Any) -> Celery:
    celery = Celery("test", set_as_current=False)
    register_tasks(celery, work, work, Activity())
    return celery


def handle(work: Any, message: Message) -> list[str]:
    """Take one message as a worker does; returns what was acknowledged."""
    celery = make_celery_with(work)
    acknowledged: list[str] = []
    consumer = SimpleNamespace(connection_errors=())

    def acknowledge(_logger: logging.Logger, _errors: tuple[type[Exception], ...]) -> None:
        acknowledged.append("message")

    call_at_once(celery.tasks[TaskName.PREDICT], celery, consumer)(message, None, acknowledge, lambda: None, [])
    return acknowledged


def test_a_message_is_done_at_once_and_then_acknowledged() -> None:
    recorder = Recorder()

    acknowledged = handle(recorder, message_of(ARGUMENTS))

    assert ([message.model_key for message in recorder.taken], acknowledged) == (["gender/1"], ["message"])


@pytest.mark.parametrize(
    ("recorder", "arguments"),
    [
        pytest.param(Recorder(RuntimeError("the store is away")), ARGUMENTS, id="failure of the work"),
        pytest.param(Recorder(), ARGUMENTS | {"v": 99}, id="message of another release"),
        pytest.param(Recorder(), {}, id="message without arguments"),
    ],
)
def test_whatever_a_task_raises_is_logged_and_its_message_done_with(
    recorder: Recorder, arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        acknowledged = handle(recorder, message_of(arguments))

    assert ([record.message for record in caplog.records], acknowledged) == (["task failed"], ["message"])


def test_a_message_that_could_carry_code_is_left_to_celery_to_refuse() -> None:
    with pytest.raises(ContentDisallowed):
        handle(Recorder(), message_of(ARGUMENTS, content_type="application/x-python-serialize"))


@pytest.mark.parametrize("name", TaskName)
def test_celery_calls_each_task_at_once(name: TaskName) -> None:
    celery = make_celery_with(Recorder())

    handler = celery.tasks[name].start_strategy(celery, None)

    assert handler.__qualname__.startswith("call_at_once.")
