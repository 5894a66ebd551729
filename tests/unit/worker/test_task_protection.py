"""Task scale-in protection, asked for at an agent that answers over HTTP as that of ECS does."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.unit.worker.conftest import Clock
from worker.activity import Activity
from worker.task_protection import IDLE_SECONDS, TaskProtection


class Agent:
    """The agent of an ECS task: keeps what was asked, and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.asked: list[tuple[str, str, Any]] = []
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                agent.asked.append((self.path, self.headers["Content-Type"], json.loads(body)))
                answer = b'{"protection": {}}' if agent.status == 200 else b'{"error": {"Code": "ServerException"}}'
                self.send_response(agent.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/api/task"

    @property
    def states(self) -> list[Any]:
        return [state for _path, _type, state in self.asked]


@pytest.fixture
def agent() -> Iterator[Agent]:
    agent = Agent()
    thread = threading.Thread(target=agent.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield agent
    agent.server.shutdown()
    agent.server.server_close()
    thread.join()


@pytest.fixture
def activity(clock: Clock) -> Activity:
    return Activity(clock)


@pytest.fixture
def protection(agent: Agent, activity: Activity, clock: Clock) -> TaskProtection:
    return TaskProtection(agent.uri, activity, clock)


PROTECTED = {"ProtectionEnabled": True, "ExpiresInMinutes": 60}
RELEASED = {"ProtectionEnabled": False}


def test_a_worker_that_has_begun_to_work_is_protected(
    protection: TaskProtection, agent: Agent, activity: Activity
) -> None:
    with activity.working():
        protection.look()

    assert agent.asked == [("/api/task/task-protection/v1/state", "application/json", PROTECTED)]


def test_a_worker_that_never_had_work_asks_for_nothing(protection: TaskProtection, agent: Agent) -> None:
    protection.look()

    assert agent.asked == []


def test_the_agent_is_asked_once_however_often_the_worker_looks(
    protection: TaskProtection, agent: Agent, activity: Activity, clock: Clock
) -> None:
    with activity.working():
        protection.look()
        clock.now += 1
        protection.look()

    assert agent.states == [PROTECTED]


def test_protection_is_renewed_before_it_runs_out(
    protection: TaskProtection, agent: Agent, activity: Activity, clock: Clock
) -> None:
    with activity.working():
        protection.look()
        clock.now += 31 * 60
        protection.look()

    assert agent.states == [PROTECTED, PROTECTED]


def test_a_worker_between_two_chunks_stays_protected(
    protection: TaskProtection, agent: Agent, activity: Activity, clock: Clock
) -> None:
    with activity.working():
        protection.look()
    clock.now += IDLE_SECONDS - 1

    protection.look()

    assert agent.states == [PROTECTED]


def test_a_worker_that_has_been_idle_for_a_minute_may_be_taken_away(
    protection: TaskProtection, agent: Agent, activity: Activity, clock: Clock
) -> None:
    with activity.working():
        protection.look()
    clock.now += IDLE_SECONDS

    protection.look()
    protection.look()

    assert agent.states == [PROTECTED, RELEASED]


def test_an_agent_that_fails_costs_a_warning_and_is_asked_again_later(
    protection: TaskProtection, agent: Agent, activity: Activity, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    agent.status = 500
    with activity.working():
        protection.look()
        protection.look()
        clock.now += 30
        agent.status = 200
        protection.look()
        protection.look()

    assert agent.states == [PROTECTED, PROTECTED]
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "task protection not changed")
    ]


def test_an_agent_that_is_not_there_costs_a_warning(activity: Activity, caplog: pytest.LogCaptureFixture) -> None:
    with activity.working():
        TaskProtection("http://127.0.0.1:9", activity).look()

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
