"""Messages as Celery's Redis transport lays them on a queue, without the machinery that writes them there.

kombu takes about a millisecond of processor time to publish a message. What lies on the queue is the same, and any
Celery worker reads it; a test compares the two.
"""

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from celery import Celery

from shared.jobs import JobSpec
from shared.messages import ENQUEUED_AT, find_task
from shared.queues import Lane, TaskName


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One message for the list that is its queue; the time at which it is enqueued belongs between its two pieces."""

    key: str
    before: bytes
    after: bytes

    def at(self, enqueued_at: float) -> bytes:
        """Return the message. enqueued_at: seconds since the epoch, by the store's clock."""
        return b"%b%.6f%b" % (self.before, enqueued_at, self.after)


class RedisMessages:
    """Writes messages for the queues of one deployment."""

    def __init__(self, celery: Celery, *, queue_prefix: str) -> None:
        self._templates = {name: _Template.of(celery, name) for name in TaskName}
        self._keys = {lane: queue_prefix + lane.value for lane in Lane}

    def write(self, specs: Sequence[JobSpec]) -> QueueEntry:
        """Return one message for jobs that share model version and lane, or for one step of a batch."""
        task, arguments = find_task(specs)
        lane = specs[0].lane
        before, after = self._templates[task].fill(arguments, lane)
        return QueueEntry(self._keys[lane], before, after)


@dataclass(frozen=True, slots=True)
class _Template:
    """What all messages of one task have in common, as Celery writes it."""

    headers: dict[str, Any]
    properties: dict[str, Any]
    embedded: dict[str, Any]

    @classmethod
    def of(cls, celery: Celery, task: TaskName) -> "_Template":
        # The representations would be the rows once more, as text.
        message = celery.amqp.create_task_message("", task, kwargs={}, ignore_result=True, argsrepr="", kwargsrepr="")
        return cls(message.headers, message.properties, message.body[2])

    def fill(self, arguments: dict[str, Any], lane: Lane) -> tuple[bytes, bytes]:
        message_id = str(uuid.uuid4())
        headers = orjson.dumps({**self.headers, "id": message_id, "root_id": message_id})
        properties = {
            **self.properties,
            "correlation_id": message_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": lane.value},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": message_id,
        }
        rest = orjson.dumps(
            {
                "body": base64.b64encode(orjson.dumps([[], arguments, self.embedded])).decode(),
                "content-type": "application/json",
                "content-encoding": "utf-8",
                "properties": properties,
            }
        )
        return b'{"headers":%b,"%b":' % (headers[:-1], ENQUEUED_AT.encode()), b"}," + rest[1:]
