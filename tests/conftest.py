"""Servers and processes that tests share; everything that a test starts, it ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from shared.redis_client import make_redis
from shared.settings import Settings
from tests.store_process import StoreProcess
from tests.timed_stores import TimedRedisBatchStore, TimedRedisJobStore


@pytest.fixture(scope="session", autouse=True)
def _hear_ctrl_c() -> None:
    # A shell lets commands that it starts in the background ignore it, and so would every process that a test starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def store_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """A real server of this test process's own, on a private socket."""
    with StoreProcess.run(tmp_path_factory.mktemp("store")) as process:
        yield process


@pytest.fixture
def settings(store_process: StoreProcess, request: pytest.FixtureRequest) -> Settings:
    """Settings of a deployment of this test's own on the shared server."""
    prefix = f"test-{os.getpid()}-{abs(hash(request.node.nodeid))}"
    return Settings(redis_url=SecretStr(store_process.url), key_prefix=prefix)


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    client = make_redis(settings, settings.store_url, retries=0)
    yield client
    client.close()


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> TimedRedisJobStore:
    """The jobs of this test's deployment; a test can let time pass in them."""
    return TimedRedisJobStore(redis, settings)


@pytest.fixture
def batches(redis: Redis, settings: Settings) -> TimedRedisBatchStore:
    """The batches of this test's deployment; a test can let time pass in them."""
    return TimedRedisBatchStore(redis, settings)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ROWCALL_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parent.parent
