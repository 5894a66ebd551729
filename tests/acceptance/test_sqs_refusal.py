"""A worker whose queues on SQS would break the promise refuses to start, and says why in one line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.moto_process import CREDENTIALS, MotoProcess
from tests.sqs_queues import sqs_settings


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as process:
        yield process


def run_worker(root: Path, moto: MotoProcess, **attributes: str) -> subprocess.CompletedProcess[str]:
    prefix = "-".join(attributes) or "fit"
    settings = Settings(**sqs_settings(moto, prefix, **attributes))
    environment = os.environ | settings.to_environment() | CREDENTIALS
    command = [sys.executable, "-m", "worker"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param({"VisibilityTimeout": "30"}, "set VisibilityTimeout to 180 or more (it is 30)", id="visibility"),
        pytest.param({"RedrivePolicy": ""}, "give it a RedrivePolicy with a dead-letter queue", id="no redrive"),
    ],
)
def test_a_worker_refuses_a_queue_that_would_break_the_promise(
    root: Path, moto: MotoProcess, attributes: dict[str, str], reason: str
) -> None:
    done = run_worker(root, moto, **attributes)

    assert done.returncode == os.EX_CONFIG
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr


def test_settings_without_queues_are_refused(root: Path) -> None:
    environment = os.environ | {"ROWCALL_BROKER_URL": "sqs://"}
    command = [sys.executable, "-m", "worker"]

    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == os.EX_CONFIG
    assert len(done.stderr.splitlines()) == 1
    assert "needs ROWCALL_SQS_INTERACTIVE_URL and ROWCALL_SQS_BULK_URL" in done.stderr
