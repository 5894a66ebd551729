"""A deployment on a real moto server, behind a proxy that can fail."""

from collections.abc import Iterator

import pytest
from redis import Redis

from shared.broker import make_celery
from shared.brokers import make_broker
from shared.job_store import RedisJobStore
from shared.settings import Settings
from shared.sqs_broker import SqsBroker
from tests.moto_process import CREDENTIALS, MotoProcess
from tests.sqs_proxy import SqsProxy
from tests.sqs_queues import sqs_settings


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as process:
        yield process


@pytest.fixture
def sqs(moto: MotoProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqsProxy]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with SqsProxy.run(moto) as proxy:
        yield proxy


@pytest.fixture
def settings(settings: Settings, moto: MotoProcess, sqs: SqsProxy) -> Settings:
    """Settings of a deployment of this test's own, on its own queues."""
    queues = sqs_settings(moto, settings.key_prefix)
    return settings.model_copy(update=queues | {"sqs_endpoint_url": sqs.url})


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> RedisJobStore:
    return RedisJobStore(redis, settings)


@pytest.fixture
def broker(redis: Redis, settings: Settings) -> SqsBroker:
    broker = make_broker(settings, make_celery(settings), store=redis, retries=0)
    assert isinstance(broker, SqsBroker)
    return broker
