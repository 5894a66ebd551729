"""The process that delivers webhooks, as it is run."""

import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.queues import Lane
from shared.settings import Settings
from shared.webhook_outbox import LEASE_SECONDS
from shared.webhooks import DeliveryStatus
from tests.builders import job_spec, success
from tests.timed_stores import TimedRedisJobStore
from tests.webhook_receiver import SECRET, WebhookReceiver
from worker.health import find_fault

Run = Callable[..., AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    own = {
        "webhooks": True,
        "webhook_secrets": (SecretStr(SECRET),),
        "webhook_allowed_networks": (ipaddress.ip_network("127.0.0.0/8"),),
        "health_file": tmp_path / "health",
        "log_level": "DEBUG",
    }
    return Settings(**{name: getattr(settings, name) for name in ("redis_url", "key_prefix")} | own)


@pytest.fixture
def run(settings: Settings, tmp_path: Path, root: Path) -> Run:
    """Start the process and wait until it turns; its log is in `<folder>/log`."""

    @contextmanager
    def running(name: str = "one") -> Iterator[subprocess.Popen[str]]:
        assert settings.health_file is not None
        settings.health_file.unlink(missing_ok=True)
        environment = os.environ | settings.to_environment()
        command = [sys.executable, "-m", "worker.webhooks"]
        with (
            (tmp_path / f"{name}.log").open("w") as log,
            subprocess.Popen(command, cwd=root, env=environment, stderr=log, text=True) as process,
        ):
            try:
                until = time.monotonic() + 60
                while not settings.health_file.exists():
                    assert process.poll() is None, (tmp_path / f"{name}.log").read_text()
                    assert time.monotonic() < until, "it does not start"
                    time.sleep(0.02)
                yield process
            finally:
                process.kill()

    return running


def end(jobs: TimedRedisJobStore, url: str) -> None:
    jobs.accept([job_spec(webhook_url=url)])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)


def wait_for_delivery(jobs: TimedRedisJobStore) -> None:
    until = time.monotonic() + 20
    while (job := jobs.find("prd_a")) and job.delivery and job.delivery.status is not DeliveryStatus.DELIVERED:
        assert time.monotonic() < until, job.delivery
        time.sleep(0.01)


def test_a_delivery_whose_process_is_killed_is_repeated_under_the_same_id(
    run: Run, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    receiver.may_answer.clear()
    end(jobs, receiver.url)
    with run("first") as process:
        first = receiver.take()
        process.kill()
        process.wait()
    receiver.may_answer.set()
    jobs.let_time_pass(LEASE_SECONDS + 1)

    with run("second"):
        second = receiver.take()
        wait_for_delivery(jobs)

    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert second.body == first.body


def test_a_job_that_ended_while_no_process_ran_is_told_later(
    run: Run, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    end(jobs, receiver.url)

    with run():
        received = receiver.take()

    assert json.loads(received.body)["data"]["id"] == "prd_a"


def test_a_process_that_is_told_to_stop_ends_when_it_has_settled_what_is_in_hand(
    run: Run, jobs: TimedRedisJobStore, receiver: WebhookReceiver, settings: Settings
) -> None:
    receiver.may_answer.clear()
    end(jobs, receiver.url)
    with run() as process:
        receiver.take()
        process.send_signal(signal.SIGTERM)
        receiver.may_answer.set()

        status = process.wait(30)

    job = jobs.find("prd_a")
    assert status == 0
    assert job is not None
    assert job.delivery is not None
    assert job.delivery.status is DeliveryStatus.DELIVERED
    assert settings.health_file is not None
    assert not settings.health_file.exists()


def test_a_process_that_turns_is_healthy(run: Run, settings: Settings) -> None:
    assert settings.health_file is not None
    with run():
        fault = find_fault(settings.health_file, limit_seconds=20, stalled_limit_seconds=120)

    assert fault is None


def test_no_log_tells_a_secret_a_url_or_what_was_sent(
    run: Run, jobs: TimedRedisJobStore, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    end(jobs, receiver.url)
    with run():
        body = receiver.take().body.decode()
        wait_for_delivery(jobs)

    log = (tmp_path / "one.log").read_text()
    assert "webhook delivered" in log
    assert SECRET.removeprefix("whsec_") not in log
    assert "of-the-receiver" not in log
    assert body not in log


def test_without_a_secret_it_refuses_to_start(settings: Settings, root: Path) -> None:
    environment = os.environ | settings.to_environment() | {"ROWCALL_WEBHOOK_SECRETS": ""}

    run = subprocess.run(
        [sys.executable, "-m", "worker.webhooks"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == os.EX_CONFIG
    assert "ROWCALL_WEBHOOK_SECRETS" in run.stderr


def test_it_needs_no_model_and_no_web_framework(root: Path) -> None:
    program = "import json, sys, worker.webhooks.__main__; print(json.dumps(list(sys.modules)))"

    run = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)

    loaded = set(json.loads(run.stdout))
    assert "standardwebhooks" in loaded
    assert {"sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib", "flask", "werkzeug"} & loaded == set()
