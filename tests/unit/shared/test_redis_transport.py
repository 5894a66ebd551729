"""Celery's channels on Redis: one client as long as its pool lives."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from shared.broker import CeleryBroker, make_celery
from shared.redis_transport import Transport
from shared.settings import Settings
from tests.builders import job_spec


@pytest.fixture
def connection(settings: Settings) -> Iterator[Any]:
    with make_celery(settings).connection_for_write() as connection:
        yield connection


@pytest.fixture
def channel(connection: Any) -> Any:
    return connection.default_channel


@pytest.fixture
def broker(redis: Redis, settings: Settings) -> CeleryBroker:
    return CeleryBroker(make_celery(settings), redis, settings)


def count_messages(redis: Redis, settings: Settings) -> int:
    return int(redis.llen(f"{settings.key_root}broker:interactive"))


def count_commands(redis: Redis) -> dict[str, int]:
    """Return how often the server was asked for what kombu asks it when it sends."""
    return {
        name: redis.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "lpush", "smembers")
    }


@pytest.mark.parametrize("url", ["redis://store", "rediss://store", "unix:///run/store.sock"])
def test_every_url_of_a_server_leads_to_our_transport(url: str) -> None:
    celery = make_celery(Settings(redis_url=SecretStr(url)))

    assert celery.connection_for_write().get_transport_cls() is Transport


def test_a_channel_keeps_its_client(channel: Any) -> None:
    with channel.conn_or_acquire() as first, channel.conn_or_acquire() as second:
        assert first is second


def test_a_client_is_given_up_with_its_pool(channel: Any) -> None:
    before = channel._create_client()

    channel._disconnect_pools()

    after = channel._create_client()
    assert after is not before
    assert after.connection_pool is channel.pool is not before.connection_pool


def test_two_channels_have_each_a_client_of_its_own(connection: Any) -> None:
    first, second = connection.channel(), connection.channel()

    assert first._create_client() is not second._create_client()


def test_a_client_that_waits_for_messages_is_none_that_sends_them(channel: Any) -> None:
    assert channel._create_client(asynchronous=True) is not channel._create_client()


def test_messages_are_sent_after_every_connection_was_lost(
    broker: CeleryBroker, redis: Redis, settings: Settings
) -> None:
    broker.send([job_spec("prd_a")], enqueued_at=1.0)

    redis.client_kill_filter(_type="normal", skipme=True)
    broker.send([job_spec("prd_b")], enqueued_at=2.0)

    assert count_messages(redis, settings) == 2


def test_a_message_in_hand_is_noted_nowhere(
    broker: CeleryBroker, channel: Any, redis: Redis, settings: Settings
) -> None:
    broker.send([job_spec("prd_a")], enqueued_at=1.0)

    message = channel.basic_get("interactive")

    assert message is not None
    assert list(redis.scan_iter(f"{settings.key_root}*")) == []


def test_a_message_in_hand_goes_back_when_its_worker_is_stopped_at_once(
    broker: CeleryBroker, channel: Any, redis: Redis, settings: Settings
) -> None:
    broker.send([job_spec("prd_a")], enqueued_at=1.0)
    channel.basic_get("interactive")

    channel.qos.restore_unacked_once()

    assert count_messages(redis, settings) == 1


def test_a_message_is_a_single_command(broker: CeleryBroker, redis: Redis) -> None:
    broker.send([job_spec("prd_a")], enqueued_at=1.0)
    before = count_commands(redis)

    broker.send([job_spec("prd_b")], enqueued_at=2.0)

    after = count_commands(redis)
    assert {name: after[name] - before[name] for name in after} == {"evalsha": 1, "lpush": 1, "smembers": 0}


@pytest.fixture
def full_server(redis: Redis) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


def test_a_consumer_comes_up_and_is_given_messages_though_the_server_is_full(
    broker: CeleryBroker, redis: Redis, settings: Settings, full_server: None
) -> None:
    celery = make_celery(settings)
    received: list[Any] = []

    with celery.connection_for_read() as connection:
        consumer = celery.amqp.TaskConsumer(connection.default_channel, on_message=received.append)
        with consumer:
            broker.send([job_spec()], enqueued_at=1.0)
            connection.drain_events(timeout=5)

    assert len(received) == 1
