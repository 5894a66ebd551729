"""A store or a broker that is away, or lets nobody in: what its clients say of that names no password and no key."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.waiting import wait_until, wait_until_answered
from tests.moto_process import CREDENTIALS, MotoProcess
from tests.sqs_queues import sqs_settings
from tests.store_process import StoreProcess
from tests.webhook_receiver import SECRET

PASSWORD = "canary-of-the-password"
#: What AWS's client finds in the environment.
SECRET_KEY, SESSION_TOKEN = "canary-of-the-secret-key", "canary-of-the-session"
BODY = {"model": "gender", "input": {"height": 181, "weight": 80, "shoe_size": 44}}
#: A line of each process that says that it misses its server, and not only that something went by.
SAID = {
    "api-0": ("dependency unavailable", "message left to the sweeper"),
    "worker-0": ("sweep failed", "Connection to broker lost", "Cannot connect", "queue not read"),
    "bulk-worker-0": ("sweep failed", "Connection to broker lost", "Cannot connect", "queue not read"),
    "webhooks-0": ("outbox not looked at",),
}

#: What a process says that finds no server when it starts.
AWAY = re.compile("does not answer|Cannot connect|not looked at|notifications interrupted")

Logs = dict[str, str]


def read_logs(stack: Stack) -> Logs:
    return {path.stem: path.read_text() for path in stack.logs_dir.glob("*.log")}


def logs_of_outage(stack: Stack, begin: Callable[[], None], processes: set[str]) -> Logs:
    """Begin an outage, ask for a prediction, and return what was logged once each process has missed its server."""
    before = {name: len(text) for name, text in read_logs(stack).items()}

    def since() -> Logs:
        return {name: text[before.get(name, 0) :] for name, text in read_logs(stack).items()}

    def miss_their_server() -> bool:
        logs = since()
        return all(any(line in logs[name] for line in SAID[name]) for name in processes)

    begin()
    httpx2.post(f"{stack.url}/v1/predictions", json=BODY, timeout=60.0)
    wait_until(miss_their_server, seconds=60)
    return since()


def wait_until_ready(stack: Stack) -> None:
    with httpx2.Client(base_url=stack.url, timeout=60.0) as http:
        wait_until_answered(http, "/readyz", 200, seconds=60)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StoreProcess, str]]:
    """A server, and where it is reached with a password."""
    port = free_port()
    user = f"user rowcall on >{PASSWORD} ~* &* +@all"
    with StoreProcess.run(tmp_path_factory.mktemp("acl"), extra=f"\nport {port}\nbind 127.0.0.1\n{user}\n") as store:
        yield store, f"127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def stack(address: tuple[StoreProcess, str], tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    settings = Settings.model_validate(
        {
            "redis_url": f"redis://rowcall:{PASSWORD}@{address[1]}",
            "port": free_port(),
            "data_dir": tmp_path_factory.mktemp("data"),
            "models_dir": root / "models",
            "workers": 1,
            "webhooks": True,
            "webhook_secrets": SECRET,
            "log_level": "DEBUG",
        }
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture(scope="module")
def logs_without_store(stack: Stack, address: tuple[StoreProcess, str]) -> Logs:
    """What is said while the server is away, and how `api.keys` ends then."""
    store, _ = address
    logs = logs_of_outage(stack, lambda: store.end(signal.SIGKILL), set(SAID))
    command = [sys.executable, "-m", "api.keys", "list"]
    environment = os.environ | {"ROWCALL_REDIS_URL": stack.store_url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    store.start()
    wait_until_ready(stack)
    return logs | {"api.keys": f"status {done.returncode}\n{done.stdout}{done.stderr}"}


@pytest.fixture(scope="module")
def logs_without_entry(stack: Stack, address: tuple[StoreProcess, str], logs_without_store: Logs) -> Logs:
    """What is said while the server takes the password no more."""
    with Redis.from_url(address[0].url) as administrator:

        def lock_out() -> None:
            administrator.acl_setuser("rowcall", enabled=True, passwords=[f"-{PASSWORD}", "+another"])
            administrator.client_kill_filter(user="rowcall")

        logs = logs_of_outage(stack, lock_out, set(SAID))
        administrator.acl_setuser("rowcall", enabled=True, passwords=[f"+{PASSWORD}"])
    wait_until_ready(stack)
    return logs


@pytest.mark.parametrize("process", [*SAID, "supervisord", "api.keys"])
def test_nothing_tells_the_password_while_the_store_is_away(logs_without_store: Logs, process: str) -> None:
    assert PASSWORD not in logs_without_store[process]


def test_a_command_says_what_is_away_without_the_password(logs_without_store: Logs) -> None:
    assert logs_without_store["api.keys"].startswith("status 1\n")
    assert "ROWCALL_REDIS_URL" in logs_without_store["api.keys"]


@pytest.mark.parametrize("process", [*SAID, "supervisord"])
def test_nothing_tells_the_password_while_the_store_does_not_take_it(logs_without_entry: Logs, process: str) -> None:
    assert PASSWORD not in logs_without_entry[process]


@pytest.fixture(params=["api", "worker", "worker.webhooks"])
def log_of_a_start(request: pytest.FixtureRequest, tmp_path: Path, root: Path) -> Iterator[str]:
    """What a process says that is started while nobody answers where its store was."""
    settings = Settings.model_validate(
        {
            "redis_url": f"redis://rowcall:{PASSWORD}@127.0.0.1:{free_port()}/0",
            "port": free_port(),
            "models_dir": root / "models",
            "webhooks": True,
            "webhook_secrets": SECRET,
            "log_level": "DEBUG",
        }
    )
    environment = os.environ | settings.to_environment()
    log = tmp_path / "log"
    command = [sys.executable, "-m", request.param]
    with (
        log.open("wb") as file,
        subprocess.Popen(command, cwd=root, env=environment, stdout=file, stderr=file) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or AWAY.search(log.read_text()) is not None, seconds=40)
            yield log.read_text()
        finally:
            process.terminate()


def test_a_process_that_starts_while_the_store_is_away_tells_no_password(log_of_a_start: str) -> None:
    assert AWAY.search(log_of_a_start)
    assert PASSWORD not in log_of_a_start


@pytest.fixture(scope="module")
def logs_without_sqs(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Logs]:
    """What is said while nobody answers where the queues were."""
    with pytest.MonkeyPatch.context() as environment, ExitStack() as running:
        given = CREDENTIALS | {"AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_SESSION_TOKEN": SESSION_TOKEN}
        for name, value in given.items():
            environment.setenv(name, value)
        moto = running.enter_context(MotoProcess.run())
        settings = Settings(
            port=free_port(),
            data_dir=tmp_path_factory.mktemp("data"),
            models_dir=root / "models",
            workers=1,
            log_level="DEBUG",
            **sqs_settings(moto, "rowcall"),
        )
        with running_stack(settings) as stack:
            answered = httpx2.post(f"{stack.url}/v1/models/gender/predict", json=BODY["input"], timeout=60.0)
            assert answered.status_code == 200
            yield logs_of_outage(stack, running.close, set(SAID) - {"webhooks-0"})


@pytest.mark.parametrize("process", ["api-0", "worker-0", "bulk-worker-0", "supervisord"])
@pytest.mark.parametrize("canary", [SECRET_KEY, SESSION_TOKEN, "AWS4-HMAC"], ids=["secret key", "token", "signature"])
def test_nothing_tells_the_credentials_while_sqs_is_away(logs_without_sqs: Logs, process: str, canary: str) -> None:
    assert canary not in logs_without_sqs[process]
