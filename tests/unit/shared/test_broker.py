import json
import math
import ssl
from base64 import b64decode
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from shared.broker import CeleryBroker, _enqueued_at, make_celery
from shared.errors import BrokerUnavailable
from shared.jobs import BatchStep, JobSpec, StepKind
from shared.messages import PredictMessage, StepMessage
from shared.queues import Lane, TaskName
from shared.settings import Settings
from tests.builders import job_spec

NOWHERE = "unix:///nonexistent/broker.sock"


class Queues:
    """The queues of one deployment on a real server."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._root = settings.key_root
        self._broker = CeleryBroker(make_celery(settings), redis, settings)

    def send_and_take(self, specs: list[JobSpec], *, enqueued_at: float = 1.0) -> dict[str, Any]:
        """Return the document that lies on the queue for one message."""
        self._broker.send(specs, enqueued_at=enqueued_at)
        text = self._redis.rpop(f"{self._root}broker:{specs[0].lane.value}")
        assert isinstance(text, bytes)
        document: dict[str, Any] = json.loads(text)
        return document


@pytest.fixture
def queues(redis: Redis, settings: Settings) -> Queues:
    return Queues(redis, settings)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("task_ignore_result", True),
        ("result_backend", None),
        ("task_acks_late", True),
        ("worker_prefetch_multiplier", 1),
        ("task_create_missing_queues", False),
        ("worker_enable_remote_control", False),
        ("worker_send_task_events", False),
        ("broker_connection_max_retries", None),
    ],
)
def test_both_sides_share_the_settings_that_keep_the_promise(setting: str, value: object) -> None:
    assert make_celery(Settings()).conf[setting] == value


def test_every_lane_is_a_queue_under_its_own_name_on_the_default_exchange() -> None:
    queues = make_celery(Settings()).conf.task_queues

    assert [(queue.name, queue.exchange.name, queue.routing_key) for queue in queues] == [
        (lane.value, "", lane.value) for lane in Lane
    ]


def test_queues_of_two_deployments_on_one_server_are_apart() -> None:
    options = make_celery(Settings(key_prefix="blue")).conf.broker_transport_options

    assert options["global_keyprefix"] == "{blue}:broker:"


@pytest.mark.parametrize(
    ("url", "spelled", "is_network"),
    [
        pytest.param("unix:///run/store.sock", "redis+socket:///run/store.sock", False, id="socket"),
        pytest.param("redis://store:6379/1", "redis://store:6379/1", True, id="network"),
        pytest.param("rediss://store:6379/1", "rediss://store:6379/1", True, id="encrypted"),
    ],
)
def test_an_url_is_spelled_as_celery_wants_it(url: str, spelled: str, is_network: bool) -> None:
    conf = make_celery(Settings(redis_url=SecretStr(url))).conf

    assert conf.broker_url == spelled
    assert ("socket_keepalive" in conf.broker_transport_options) is is_network


def test_the_queues_may_be_on_a_server_of_their_own() -> None:
    settings = Settings(redis_url=SecretStr("redis://store:1"), broker_url=SecretStr("redis://broker:2"))

    assert make_celery(settings).conf.broker_url == "redis://broker:2"


@pytest.mark.parametrize("lane", Lane)
def test_jobs_arrive_in_the_queue_of_their_lane_as_they_were_sent(queues: Queues, lane: Lane) -> None:
    specs = [job_spec("prd_a", lane=lane), job_spec("prd_b", lane=lane, rows=[[160.0, 37.5]])]

    document = queues.send_and_take(specs)

    assert document["content-type"] == "application/json"
    assert document["headers"]["task"] == TaskName.PREDICT
    _arguments, keywords, _callbacks = json.loads(b64decode(document["body"]))
    assert PredictMessage.decode(keywords) == PredictMessage.of(specs)


def test_the_rows_of_a_message_are_not_copied_into_its_headers(queues: Queues) -> None:
    headers = queues.send_and_take([job_spec()])["headers"]

    assert (headers["argsrepr"], headers["kwargsrepr"]) == ("", "")


def test_a_step_of_a_batch_is_a_task_of_its_own(queues: Queues) -> None:
    step = BatchStep("bat_a", StepKind.CHUNK, 3)

    document = queues.send_and_take([job_spec("prd_a", lane=Lane.BULK, rows=[], step=step)])

    assert document["headers"]["task"] == TaskName.BATCH_STEP
    _arguments, keywords, _callbacks = json.loads(b64decode(document["body"]))
    assert StepMessage.decode(keywords) == StepMessage("prd_a", step)


def test_every_message_has_an_id_of_its_own(queues: Queues) -> None:
    documents = [queues.send_and_take([job_spec()]) for _ in range(3)]

    ids = [document["headers"]["id"] for document in documents]
    assert len(set(ids)) == 3
    assert [document["properties"]["correlation_id"] for document in documents] == ids


def test_a_message_survives_the_broker(queues: Queues) -> None:
    assert queues.send_and_take([job_spec()])["properties"]["delivery_mode"] == 2


def test_nobody_keeps_the_result_of_a_task(queues: Queues) -> None:
    assert queues.send_and_take([job_spec()])["headers"]["ignore_result"] is True


def test_jobs_of_two_lanes_are_not_sent_as_one_message(queues: Queues) -> None:
    with pytest.raises(ValueError, match="too many values"):
        queues.send_and_take([job_spec("prd_a"), job_spec("prd_b", lane=Lane.BULK)])


def test_a_message_says_when_it_was_enqueued(queues: Queues) -> None:
    document = queues.send_and_take([job_spec()], enqueued_at=1_700_000_000.25)

    assert _enqueued_at(json.dumps(document)) == 1_700_000_000.25


@pytest.mark.parametrize(
    ("message", "at"),
    [
        pytest.param(None, None, id="empty queue"),
        pytest.param(b'{"headers": {"enqueued_at": 5.5}}', 5.5, id="our message"),
        pytest.param(b'{"headers": {}}', math.inf, id="message of another sender"),
        pytest.param(b"{}", math.inf, id="message without headers"),
        pytest.param(b'{"headers": 2}', math.inf, id="message with headers that are none"),
        pytest.param(b"[]", math.inf, id="no message"),
        pytest.param(b"hello", math.inf, id="no JSON"),
        pytest.param(b"[" * 100_000, math.inf, id="JSON too deep to be read"),
        pytest.param(b'{"headers": {"enqueued_at": NaN}}', math.inf, id="a time that is no number"),
        pytest.param(b'{"headers": {"enqueued_at": "-inf"}}', math.inf, id="a time before all times"),
    ],
)
def test_the_age_of_a_queue_is_read_from_its_oldest_message(message: bytes | None, at: float | None) -> None:
    assert _enqueued_at(message) == at


def test_a_message_that_cannot_be_sent_is_an_unavailable_broker() -> None:
    settings = Settings(redis_url=SecretStr(NOWHERE))
    broker = CeleryBroker(make_celery(settings), Redis.from_url(NOWHERE), settings)

    with pytest.raises(BrokerUnavailable, match="The broker does not answer"):
        broker.send([job_spec()], enqueued_at=1.0)


def test_queues_that_cannot_be_read_are_an_unavailable_broker() -> None:
    broker = CeleryBroker(make_celery(Settings()), Redis.from_url(NOWHERE), Settings())

    with pytest.raises(BrokerUnavailable, match="The broker does not answer"):
        broker.oldest_messages()


def test_a_server_behind_tls_must_show_a_certificate() -> None:
    celery = make_celery(Settings(redis_url=SecretStr("rediss://user:password@store:6380/0")))

    assert celery.connection_for_write().ssl == {"ssl_cert_reqs": ssl.CERT_REQUIRED}


def test_options_of_tls_in_the_url_keep_the_certificate_required() -> None:
    celery = make_celery(Settings(redis_url=SecretStr("rediss://store:6380/0?ssl_ca_certs=/ca.pem")))

    assert celery.connection_for_write().ssl == {"ssl_ca_certs": "/ca.pem"}


def test_queues_on_a_server_of_their_own_are_out_of_reach_of_the_store() -> None:
    settings = Settings(broker_url=SecretStr("redis://broker:2"))

    assert CeleryBroker(make_celery(settings), Redis(), settings).entry([job_spec()]) is None
