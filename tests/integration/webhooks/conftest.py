"""An outbox on a real server, and jobs that end there."""

from collections.abc import Iterator

import pytest
from redis import Redis

from shared.settings import Settings
from shared.webhook_outbox import Message, RedisWebhookOutbox
from tests.webhook_receiver import WebhookReceiver, running_receiver

URL = "https://receiver.example/hook"


@pytest.fixture
def outbox(redis: Redis, settings: Settings) -> RedisWebhookOutbox:
    return RedisWebhookOutbox(redis, settings)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as receiver:
        yield receiver


def claim(outbox: RedisWebhookOutbox) -> list[Message]:
    """Take every message that is due."""
    return outbox.claim(most=100, most_of_one=100, in_hand={}).messages
