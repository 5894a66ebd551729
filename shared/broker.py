"""The broker: one Celery configuration for both sides, every setting with its reason, and sending by name."""

import json
import math
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from celery import Celery
from kombu.entity import Exchange, Queue
from redis import Redis
from redis.exceptions import RedisError

from shared.errors import BrokerUnavailable
from shared.jobs import JobSpec
from shared.messages import ENQUEUED_AT
from shared.queues import Lane
from shared.redis_client import SOCKET_TIMEOUT_SECONDS, Script
from shared.redis_messages import QueueEntry, RedisMessages
from shared.redis_transport import PUSH, use_kept_clients
from shared.settings import Settings
from shared.sqs_options import sqs_options, use_sqs
from shared.unreadable import MISSHAPEN


class Broker(Protocol):
    """Puts messages on queues, and tells how far the queues are."""

    def entry(self, specs: Sequence[JobSpec]) -> QueueEntry | None:
        """Return the message that the job store shall enqueue as it records the jobs; None if the queues lie elsewhere.

        specs: as for `send`.
        """

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        """Enqueue one message; raises BrokerUnavailable.

        specs: jobs that share model version and lane, or one step of a batch.
        """

    def check(self) -> None:
        """Raise BrokerUnavailable if no message could be sent right now."""

    def oldest_messages(self) -> Mapping[Lane, float | None]:
        """Return for each lane when its oldest message was enqueued, None for an empty queue.

        A lane of which that cannot be told is left out. Raises BrokerUnavailable.
        """


def make_celery(settings: Settings) -> Celery:
    """Return the Celery application that API and worker share; it connects on first use."""
    (use_sqs if settings.is_on_sqs else use_kept_clients)()
    celery = Celery("rowcall", set_as_current=False)
    celery.conf.update(
        broker_url=_celery_url(settings.effective_broker_url),
        # kombu believes any certificate unless it is told otherwise; options in the URL go before this.
        broker_use_ssl=_require_certificate(settings.effective_broker_url),
        # Only ids and plain data cross a queue; whoever writes to it must not be able to run code.
        task_serializer="json",
        accept_content=["json"],
        # The job record is the result. Celery's own results lose good answers at a failover.
        task_ignore_result=True,
        # A worker that is told to stop at once gives back the messages in hand.
        task_acks_late=True,
        # A worker that is busy must not hold messages that another could take.
        worker_prefetch_multiplier=1,
        task_queues=[_make_queue(lane) for lane in Lane],
        task_default_queue=Lane.INTERACTIVE.value,
        # A misspelled queue name must fail, not collect messages that nobody takes.
        task_create_missing_queues=False,
        # A worker must come back from every outage, however long, and from a demoted primary.
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        # Predicting again is harmless, and the claim hides the copy; throwing work away is not.
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Less traffic on the broker, and neither works on SQS.
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        # Logs are ours and structured; Celery's would print arguments.
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_transport_options=sqs_options(settings) if settings.is_on_sqs else _redis_options(settings),
    )
    return celery


def _require_certificate(url: str) -> dict[str, Any] | None:
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED} if url.startswith("rediss://") else None


def _make_queue(lane: Lane) -> Queue:
    # The default exchange leads to the queue of the routing key; kombu asks the server for any other one's bindings
    # at every message.
    return Queue(lane.value, Exchange(""), routing_key=lane.value)  # type: ignore[no-untyped-call]


def _celery_url(url: str) -> str:
    """Celery spells a Unix socket its own way."""
    return "redis+socket://" + url.removeprefix("unix://") if url.startswith("unix://") else url


def _redis_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "global_keyprefix": _queue_prefix(settings),
        # Celery would note each message in hand, in two round trips, and fail to on a server without memory left. The
        # lease of the job says the same, and the sweeper sends the messages of a dead worker again.
        "ack_emulation": False,
        # Without these a half-open connection hangs for ever.
        "socket_timeout": SOCKET_TIMEOUT_SECONDS,
        "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
        # An idle consumer is found out when it has heard nothing for a second more than this.
        "health_check_interval": 3,
    }
    if not settings.effective_broker_url.startswith("unix://"):
        options["socket_keepalive"] = True
    return options


def _queue_prefix(settings: Settings) -> str:
    return settings.key_root + "broker:"


class CeleryBroker:
    """Broker on Celery with a Redis transport. Thread-safe.

    redis: a client of the broker's server, to enqueue, and to look at queues without taking from them.
    """

    def __init__(self, celery: Celery, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._messages = RedisMessages(celery, queue_prefix=_queue_prefix(settings))
        self._push = Script(redis, PUSH)
        self._is_in_store = settings.effective_broker_url == settings.store_url
        self._queue_keys = {lane: _queue_prefix(settings) + lane.value for lane in Lane}

    def entry(self, specs: Sequence[JobSpec]) -> QueueEntry | None:
        return self._messages.write(specs) if self._is_in_store else None

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        entry = self._messages.write(specs)
        try:
            self._push(keys=[entry.key], args=[entry.at(enqueued_at)])
        except RedisError as error:
            raise BrokerUnavailable(f"The broker does not answer ({type(error).__name__}).") from error

    def check(self) -> None:
        self.oldest_messages()

    def oldest_messages(self) -> Mapping[Lane, float | None]:
        try:
            return {lane: _enqueued_at(self._redis.lindex(key, -1)) for lane, key in self._queue_keys.items()}
        except RedisError as error:
            raise BrokerUnavailable(f"The broker does not answer ({type(error).__name__}).") from error


def _enqueued_at(message: bytes | str | None) -> float | None:
    """Read the header of a message as kombu stores it in a Redis list; an unknown message is infinitely young."""
    if message is None:
        return None
    try:
        enqueued_at = float(json.loads(message)["headers"][ENQUEUED_AT])
    except MISSHAPEN:
        return math.inf
    return enqueued_at if math.isfinite(enqueued_at) else math.inf
