"""The health check of a real worker: it notices who stands still, and bears with who works."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.jobs import JobStatus
from shared.settings import Settings
from tests.acceptance.waiting import find_in_time
from tests.models import SLEEPS_FROM
from tests.worker_process import ROOT, Line, running_worker
from worker.health import WRITE_SECONDS, find_fault

#: A worker whose event loop turns, but whose consumer has silently stopped taking messages.
STUCK_CONSUMER = """
import sys
from celery.signals import worker_ready
from worker.__main__ import main

@worker_ready.connect(weak=False)
def stop_consuming(sender, **_facts):
    sender.task_consumer.cancel()

sys.exit(main())
"""
#: A little more than the time between two signs of life.
LIMIT_SECONDS = WRITE_SECONDS + 2.0


@pytest.fixture
def settings(settings: Settings, models_dir: Path) -> Settings:
    return settings.model_copy(update={"models_dir": models_dir, "models": ("moody",), "stalled_seconds": 3.0})


@pytest.fixture
def line(settings: Settings) -> Line:
    return Line(settings)


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with running_worker(settings, tmp_path) as process:
        yield process


def wait_for_fault(health_file: Path, settings: Settings) -> str | None:
    """Return the first fault within some time, or None."""
    return find_in_time(
        lambda: find_fault(health_file, limit_seconds=LIMIT_SECONDS, stalled_limit_seconds=settings.stalled_seconds),
        seconds=3 * WRITE_SECONDS,
    )


def check(settings: Settings, health_file: Path) -> tuple[int, str]:
    """Run the check as a container does."""
    environment = settings.to_environment() | {"ROWCALL_HEALTH_FILE": str(health_file)}
    command = [sys.executable, "-m", "worker.health"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_a_worker_that_is_stopped_in_its_tracks_is_not_healthy(
    worker: subprocess.Popen[str], settings: Settings, tmp_path: Path
) -> None:
    worker.send_signal(signal.SIGSTOP)

    fault = wait_for_fault(tmp_path / "health", settings)

    assert fault is not None
    assert fault.startswith("the event loop stands still")


def test_a_worker_in_the_middle_of_a_long_message_stays_healthy(
    worker: subprocess.Popen[str], line: Line, settings: Settings, tmp_path: Path
) -> None:
    line.send("moody", {"prd_a": [[SLEEPS_FROM + 10]]})
    line.wait_for("prd_a", JobStatus.RUNNING)
    line.send("moody", {"prd_b": [[1.0]]})

    fault = wait_for_fault(tmp_path / "health", settings)

    assert fault is None
    assert line.find("prd_b").status is JobStatus.SUCCEEDED


def test_a_worker_whose_consumer_is_stuck_is_not_healthy_although_its_event_loop_turns(
    line: Line, settings: Settings, tmp_path: Path
) -> None:
    with running_worker(settings, tmp_path, program=STUCK_CONSUMER):
        before = check(settings, tmp_path / "health")
        line.send("moody", {"prd_a": [[1.0]]})
        fault = wait_for_fault(tmp_path / "health", settings)
        after = check(settings, tmp_path / "health")

    assert before == (0, "")
    assert fault is not None
    assert fault.startswith("messages wait, and the worker has taken none for")
    assert after[0] == 1
