"""What we lay on a queue of Redis is what Celery would lay there, and its stock transport reads it."""

import json
import uuid
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Queue
from kombu.messaging import Consumer, Producer
from kombu.transport.redis import Transport as StockTransport
from redis import Redis

from shared.broker import CeleryBroker, make_celery
from shared.jobs import BatchStep, JobSpec, ModelRef, StepKind
from shared.messages import ENQUEUED_AT, PredictMessage, find_task
from shared.queues import Lane
from shared.redis_messages import QueueEntry, RedisMessages
from shared.settings import Settings
from tests.builders import job_spec

PATIENCE_SECONDS = 10.0
ENQUEUED = 1_700_000_000.123456
STEP = BatchStep("bat_a", StepKind.CHUNK, 3)
SPECS = {
    "one job": [job_spec()],
    "several jobs": [job_spec(f"prd_{number}", rows=[[181.0, 44], [160, 37.5]]) for number in range(3)],
    "text": [job_spec(rows=[["größe", '"\\\n\u2028☃', None, True]])],
    "numbers": [job_spec(rows=[[1e-300, 1e300, -0.0, 2**53, 0.1]])],
    "another model": [job_spec(model=ModelRef("größe", "1", "0" * 64))],
    "the other lane": [job_spec(lane=Lane.BULK)],
    "a step of a batch": [job_spec(lane=Lane.BULK, rows=[], step=STEP)],
}
each_message = pytest.mark.parametrize("specs", SPECS.values(), ids=SPECS)


@pytest.fixture
def celery(settings: Settings) -> Celery:
    return make_celery(settings)


@pytest.fixture
def messages(celery: Celery, settings: Settings) -> RedisMessages:
    return RedisMessages(celery, queue_prefix=f"{settings.key_root}broker:")


@pytest.fixture
def stock(celery: Celery, settings: Settings) -> Iterator[Any]:
    """A connection with the transport that kombu itself has for Redis."""
    options = {"global_keyprefix": f"{settings.key_root}broker:"}
    with Connection(celery.conf.broker_url, transport=StockTransport, transport_options=options) as connection:  # type: ignore[no-untyped-call]
        yield connection


def publish(connection: Any, celery: Celery, specs: Sequence[JobSpec], *, task_id: str) -> None:
    """Do what Celery does to send a task."""
    task, arguments = find_task(specs)
    message = celery.amqp.create_task_message(
        task_id, task, kwargs=arguments, ignore_result=True, argsrepr="", kwargsrepr=""
    )
    producer: Any = Producer(connection)  # type: ignore[no-untyped-call]
    producer.publish(
        message.body,
        exchange="",
        routing_key=specs[0].lane.value,
        serializer="json",
        headers={**message.headers, ENQUEUED_AT: ENQUEUED},
        **message.properties,
    )


def parse(text: bytes) -> dict[str, Any]:
    """Return a message with its body in plain text, and without the tag, which is random."""
    document: dict[str, Any] = json.loads(text)
    document["body"] = json.loads(b64decode(document["body"]))
    assert uuid.UUID(document["properties"].pop("delivery_tag"))
    return document


def take(connection: Any, lane: Lane) -> Any:
    """Take one message as a worker does."""
    taken: list[Any] = []
    queue = Queue(lane.value, routing_key=lane.value)  # type: ignore[no-untyped-call]
    with Consumer(connection, [queue], on_message=taken.append, accept=["json"]):  # type: ignore[no-untyped-call]
        connection.drain_events(timeout=PATIENCE_SECONDS)
    (message,) = taken
    return message


@each_message
def test_a_message_is_what_celery_itself_would_send(
    messages: RedisMessages, celery: Celery, stock: Any, redis: Redis, specs: list[JobSpec]
) -> None:
    entry = messages.write(specs)
    ours = parse(entry.at(ENQUEUED))

    publish(stock, celery, specs, task_id=ours["headers"]["id"])

    expected = redis.rpop(entry.key)
    assert isinstance(expected, bytes)
    assert ours == parse(expected)


@each_message
def test_a_stock_consumer_reads_and_acknowledges_a_message(
    messages: RedisMessages, stock: Any, redis: Redis, settings: Settings, specs: list[JobSpec]
) -> None:
    entry = messages.write(specs)
    redis.lpush(entry.key, entry.at(ENQUEUED))

    message = take(stock, specs[0].lane)
    message.ack()

    task, arguments = find_task(specs)
    assert (message.headers["task"], message.headers[ENQUEUED_AT]) == (task, ENQUEUED)
    assert message.payload[:2] == [[], arguments]
    assert list(redis.scan_iter(f"{settings.key_root}broker:*{specs[0].lane.value}")) == []


def test_a_message_that_a_stock_consumer_gives_back_can_be_read_again(
    messages: RedisMessages, stock: Any, redis: Redis
) -> None:
    specs = [job_spec()]
    entry = messages.write(specs)
    redis.lpush(entry.key, entry.at(ENQUEUED))

    take(stock, Lane.INTERACTIVE).requeue()

    again = take(stock, Lane.INTERACTIVE)
    assert PredictMessage.decode(again.payload[1]) == PredictMessage.of(specs)
    assert again.headers[ENQUEUED_AT] == ENQUEUED


def test_every_message_has_names_of_its_own(messages: RedisMessages) -> None:
    documents = [json.loads(messages.write([job_spec()]).at(ENQUEUED)) for _ in range(3)]

    names = [(document["headers"]["id"], document["properties"]["delivery_tag"]) for document in documents]
    assert len(set(names)) == 3


@pytest.mark.parametrize("lane", Lane)
def test_the_broker_sends_to_the_list_that_the_message_names(redis: Redis, settings: Settings, lane: Lane) -> None:
    broker = CeleryBroker(make_celery(settings), redis, settings)
    entry = broker.entry([job_spec(lane=lane)])
    assert entry is not None

    broker.send([job_spec(lane=lane)], enqueued_at=ENQUEUED)

    assert redis.llen(entry.key) == 1


def test_a_broker_on_a_server_of_its_own_leaves_no_message_to_the_store(redis: Redis, settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"broker_url": settings.redis_url.__class__("redis://broker:2")})

    assert CeleryBroker(make_celery(elsewhere), redis, elsewhere).entry([job_spec()]) is None


@pytest.mark.parametrize(
    ("enqueued_at", "text"),
    [
        pytest.param(ENQUEUED, b"1700000000.123456", id="to the microsecond"),
        pytest.param(1.0, b"1.000000", id="a whole second"),
        pytest.param(1_700_000_000.1234567, b"1700000000.123457", id="rounded"),
    ],
)
def test_the_time_stands_between_the_pieces_of_a_message(enqueued_at: float, text: bytes) -> None:
    assert QueueEntry("list", b"before ", b" after").at(enqueued_at) == b"before " + text + b" after"


def test_a_message_with_its_time_is_json_to_strict_readers(messages: RedisMessages) -> None:
    document = orjson.loads(messages.write(SPECS["text"]).at(ENQUEUED))

    assert document["headers"][ENQUEUED_AT] == ENQUEUED
