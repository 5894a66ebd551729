"""Many requests that wait at once in one API process, and API processes that die under them."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.waits import ask_at_once
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import direct_outputs, people
from tests.acceptance.submitter import Submitter, assert_all_answered
from tests.acceptance.test_faults import signal_processes

WAITS = 1_000


def one_process(data_dir: Path, models_dir: Path, *, max_waiters: int) -> Settings:
    return Settings(
        port=free_port(),
        data_dir=data_dir,
        models_dir=models_dir,
        api_processes=1,
        max_waiters=max_waiters,
        lease_seconds=2.0,
    )


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path) -> Settings:
    return one_process(tmp_path, models_dir, max_waiters=WAITS)


@pytest.fixture
def stack(settings: Settings) -> Iterator[Stack]:
    with running_stack(settings) as running:
        yield running


def ask(stack: Stack, persons: list[dict[str, float]], *, wait_seconds: int) -> list[Any]:
    documents = [{"model": "gender", "input": person} for person in persons]
    return ask_at_once(f"{stack.url}/v1/predictions", documents, wait_seconds=wait_seconds)


def test_a_thousand_requests_wait_at_once_in_one_process_and_each_gets_its_answer(stack: Stack) -> None:
    persons = people(WAITS)

    answers = ask(stack, persons, wait_seconds=30)

    assert Counter(answer.status for answer in answers) == {200: WAITS}
    assert [answer.document["output"] for answer in answers] == direct_outputs(persons)


def test_a_thousand_waits_that_run_out_end_with_202_and_their_jobs_are_answered_later(stack: Stack) -> None:
    persons = people(WAITS)
    signal_processes(stack, "worker", signal.SIGSTOP)

    answers = ask(stack, persons, wait_seconds=3)

    signal_processes(stack, "worker", signal.SIGCONT)
    assert Counter(answer.status for answer in answers) == {202: WAITS}
    submitter = Submitter(stack.url)
    submitter.accepted = {
        answer.location.removeprefix("/v1/predictions/"): person
        for answer, person in zip(answers, persons, strict=True)
    }
    assert_all_answered(submitter, jobs=WAITS, seconds=60)


def test_requests_beyond_the_places_get_202_at_once(tmp_path: Path, models_dir: Path) -> None:
    with running_stack(one_process(tmp_path, models_dir, max_waiters=10)) as stack:
        signal_processes(stack, "worker", signal.SIGSTOP)

        answers = ask(stack, people(30), wait_seconds=3)

        signal_processes(stack, "worker", signal.SIGCONT)
    at_once = [answer for answer in answers if answer.seconds < 2.0]
    assert (Counter(answer.status for answer in answers), len(at_once)) == ({202: 30}, 20)


def kill_server_processes(stack: Stack, *, times: int, pause_seconds: float) -> None:
    """Kill what serves HTTP: one server process or the one that starts them, in turn."""
    for number in range(times):
        time.sleep(pause_seconds)
        (api,) = (process for process in stack.processes() if process.name.startswith("api"))
        children = Path(f"/proc/{api.pid}/task/{api.pid}/children")
        victims = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        if number % 2 and victims:
            os.kill(victims[0], signal.SIGKILL)
        elif api.pid:
            os.kill(api.pid, signal.SIGKILL)


@pytest.mark.parametrize("wait_seconds", [pytest.param(0, id="submitted"), pytest.param(10, id="waited for")])
def test_every_job_that_got_an_answer_has_the_right_one_though_api_processes_are_killed(
    stack: Stack, wait_seconds: int
) -> None:
    submitter = Submitter(stack.url, wait_seconds=wait_seconds)
    submitting = threading.Thread(target=submitter.submit_all, args=(people(1_000),))

    submitting.start()
    kill_server_processes(stack, times=4, pause_seconds=0.7)
    submitting.join()

    assert_all_answered(submitter, jobs=1_000, seconds=60)
