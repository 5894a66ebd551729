"""A message in the outbox that is not whole keeps no other from its turn."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from shared.queues import Lane
from shared.settings import Settings
from shared.webhook_outbox import LEASE_SECONDS, RedisWebhookOutbox
from tests.builders import job_spec, success
from tests.integration.webhooks.conftest import URL, claim
from tests.timed_stores import TimedRedisJobStore

CANARY = "canary-7f3a"
BAD = "msg_prd_bad_1"


def replace(redis: Redis, key: str) -> None:
    redis.delete(key)
    redis.set(key, CANARY)


Spoil = Callable[[Redis, str], Any]
SPOILS = [
    pytest.param(replace, id="a text in its place"),
    *(
        pytest.param(lambda redis, key, name=name: redis.hdel(key, name), id=f"no {name}")
        for name in ("attempts", "id", "status", "created", "completed", "expires", "error")
    ),
    *(
        pytest.param(lambda redis, key, name=name: redis.hset(key, name, CANARY), id=f"a strange {name}")
        for name in ("attempts", "url", "created", "error")
    ),
    pytest.param(lambda redis, key: redis.hset(key, "completed", "nan"), id="a time that is not a number"),
    pytest.param(lambda redis, key: redis.hset(key, "error", "[1]"), id="an error that is an array"),
    pytest.param(lambda redis, key: redis.hset(key, "error", '{"error":"' + CANARY + '"'), id="half an error"),
    pytest.param(lambda redis, key: redis.hset(key, "id", b"\xff\xfe"), id="an id that is no text"),
]


def end(jobs: TimedRedisJobStore, *job_ids: str) -> None:
    jobs.accept([job_spec(job_id, webhook_url=URL) for job_id in job_ids])
    jobs.claim(job_ids, "t1")
    jobs.finish(Lane.INTERACTIVE, dict.fromkeys(job_ids, success()), "t1", busy_seconds=0.01)


@pytest.mark.parametrize("spoil", SPOILS)
def test_messages_are_taken_beside_one_that_is_not_whole(
    jobs: TimedRedisJobStore,
    outbox: RedisWebhookOutbox,
    redis: Redis,
    settings: Settings,
    spoil: Spoil,
    caplog: pytest.LogCaptureFixture,
) -> None:
    end(jobs, "prd_bad", "prd_good")
    spoil(redis, f"{settings.key_root}webhook:{BAD}")

    with caplog.at_level(logging.ERROR):
        taken = claim(outbox)

    assert [message.id for message in taken] == ["msg_prd_good_1"]
    assert [vars(entry)["webhook_id"] for entry in caplog.records] == [BAD]
    assert CANARY not in caplog.text


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_message_that_is_not_whole_is_looked_at_once(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, redis: Redis, settings: Settings, spoil: Spoil
) -> None:
    end(jobs, "prd_bad")
    key = f"{settings.key_root}webhook:{BAD}"
    spoil(redis, key)

    taken = claim(outbox)
    jobs.let_time_pass(LEASE_SECONDS + 1)

    assert (taken, claim(outbox)) == ([], [])
    assert redis.zscore(f"{settings.key_root}webhooks_due", BAD) is None
    assert 0 < int(redis.ttl(key)) <= settings.retention_seconds
