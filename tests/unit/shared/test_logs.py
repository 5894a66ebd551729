"""Logs are JSON lines, and hold nothing of what clients sent."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from shared.logs import configure_logs


@pytest.fixture(autouse=True)
def _same_logging_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_a_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", "INFO")

    logging.getLogger("worker.sweeper").info("stuck jobs swept", extra={"resent": 3})

    (line,) = logged(capsys)
    assert {"message": "stuck jobs swept", "level": "INFO", "process": "worker", "resent": 3}.items() <= line.items()


@pytest.mark.parametrize(
    ("template", "arguments", "message"),
    [
        pytest.param(
            "Received and deleted unknown message.  Wrong destination?!?\n\nThe full contents was: %s",
            ("canary",),
            "Received and deleted unknown message.  Wrong destination?!?",
            id="unknown message",
        ),
        pytest.param(
            "Can't decode message body: %r [type:%r encoding:%r headers:%s]\n\nbody: %s",
            ("canary", "text", "utf-8", "canary", "canary"),
            "Can't decode message body",
            id="undecodable message",
        ),
        pytest.param(
            "Received unregistered task of type %s.\nThe message has been ignored.\n%s",
            ("canary", "canary"),
            "Received unregistered task of type",
            id="unknown task",
        ),
    ],
)
def test_what_celery_quotes_of_a_message_is_left_out(
    capsys: pytest.CaptureFixture[str], template: str, arguments: tuple[str, ...], message: str
) -> None:
    configure_logs("worker", "DEBUG")

    logging.getLogger("celery.worker.consumer.consumer").error(template, *arguments)

    (line,) = logged(capsys)
    assert line["message"] == message
    assert "canary" not in json.dumps(line)


def test_the_arguments_of_a_task_that_failed_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("worker", "DEBUG")

    logging.getLogger("celery.app.trace").error(
        "Task %(name)s raised unexpected: %(exc)s",
        {"name": "rowcall.predict", "exc": "StoreUnavailable()"},
        extra={"data": {"kwargs": "canary"}},
    )

    (line,) = logged(capsys)
    assert line["message"] == "Task rowcall.predict raised unexpected: StoreUnavailable()"
    assert "canary" not in json.dumps(line)


@pytest.mark.parametrize("library", ["celery", "kombu", "botocore", "urllib3"])
def test_libraries_that_tell_what_they_carry_are_not_heard_at_debug(
    capsys: pytest.CaptureFixture[str], library: str
) -> None:
    configure_logs("api", "DEBUG")

    logging.getLogger(f"{library}.x").debug("canary")
    logging.getLogger(f"{library}.x").info("canary")

    assert logged(capsys) == []
