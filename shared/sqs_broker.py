"""SqsBroker: Celery's messages on SQS, written by boto3. Only make_broker imports this module."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
from celery import Celery
from redis import Redis

from shared.errors import BrokerUnavailable
from shared.job_lists import queued_key
from shared.job_store import store_errors
from shared.jobs import JobSpec
from shared.lane_flow import LaneFlow
from shared.messages import ENQUEUED_AT
from shared.queues import Lane, TaskName
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from shared.sqs_client import sqs_errors
from shared.sqs_messages import encode_message, encode_reference

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: The API must fail fast, so that it can leave the message to the sweeper.
ANSWER_SECONDS = 2
ATTEMPTS = 2
#: A job that is queued for less than this is nobody's business: its message may just be on its way.
GRACE_SECONDS = 3.0


class SqsBroker:
    """Broker on SQS. Thread-safe.

    redis: a client of the job store, to see which jobs wait and how far the workers are.
    """

    def __init__(self, celery: Celery, client: "SQSClient", redis: Redis, settings: Settings) -> None:
        self._celery = celery
        self._client = client
        self._redis = redis
        self._flow = LaneFlow(redis, settings)
        self._urls = {lane: url for lane, url in settings.queue_urls.items() if url}
        self._queued_keys = {lane: queued_key(settings, lane) for lane in Lane}
        self._overdue_seconds = settings.resend_after_seconds + GRACE_SECONDS
        self._message_bytes = settings.sqs_message_bytes

    def entry(self, specs: Sequence[JobSpec]) -> QueueEntry | None:  # noqa: ARG002 - the contract's
        """Return None: no script of the store reaches SQS."""
        return None

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        lane = specs[0].lane
        body = self._write(*encode_message(specs, sent_at=enqueued_at), lane, enqueued_at)
        if len(body) <= self._message_bytes:
            self._put(lane, body)
        elif len(specs) > 1:
            middle = len(specs) // 2
            self.send(specs[:middle], enqueued_at=enqueued_at)
            self.send(specs[middle:], enqueued_at=enqueued_at)
        else:
            self._put(lane, self._write(*encode_reference(specs[0], sent_at=enqueued_at), lane, enqueued_at))

    def _put(self, lane: Lane, body: str) -> None:
        with sqs_errors():
            self._client.send_message(QueueUrl=self._urls[lane], MessageBody=body)

    def _write(self, task: TaskName, arguments: dict[str, Any], lane: Lane, enqueued_at: float) -> str:
        """Return a message as kombu reads it from SQS; all ASCII, because SQS refuses some other characters."""
        message = self._celery.amqp.create_task_message(
            str(uuid.uuid4()),
            task,
            kwargs=arguments,
            ignore_result=True,
            # Without these Celery would copy the rows, as text, into two headers.
            argsrepr="",
            kwargsrepr="",
        )
        return json.dumps(
            {
                "body": orjson.dumps(message.body).decode(),
                "content-type": "application/json",
                "content-encoding": "utf-8",
                "headers": {**message.headers, ENQUEUED_AT: enqueued_at},
                "properties": {**message.properties, "delivery_info": {"exchange": "", "routing_key": lane.value}},
            },
            separators=(",", ":"),
        )

    def check(self) -> None:
        try:
            with sqs_errors():
                self._client.get_queue_attributes(QueueUrl=self._urls[Lane.INTERACTIVE], AttributeNames=["QueueArn"])
        except BrokerUnavailable as error:
            # Who may only send knows now that SQS answers.
            if "AccessDenied" not in error.detail:
                raise

    def oldest_messages(self) -> Mapping[Lane, float | None]:
        """Return for each lane a time before which every message that was enqueued has been received, or is lost.

        SQS is asked only when a job waits so long that its message could be lost.
        """
        with store_errors():
            seconds, microseconds = self._redis.time()
        now = seconds + microseconds / 1e6
        oldest = {}
        for lane in Lane:
            if self._is_overdue(lane, now):
                since = now if self._is_empty(lane) else self._flow.find_oldest(lane)
                if since is not None:
                    oldest[lane] = min(since, now) - GRACE_SECONDS
        return oldest

    def _is_overdue(self, lane: Lane, now: float) -> bool:
        with store_errors():
            return self._redis.zcount(self._queued_keys[lane], "-inf", now - self._overdue_seconds) > 0

    def _is_empty(self, lane: Lane) -> bool:
        with sqs_errors():
            answer = self._client.get_queue_attributes(
                QueueUrl=self._urls[lane], AttributeNames=["ApproximateNumberOfMessages"]
            )
        return answer["Attributes"]["ApproximateNumberOfMessages"] == "0"
