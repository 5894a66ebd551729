"""WebhookOutbox: messages about jobs and batches that have ended, until their receivers have them.

They are written by the very scripts that end a job or batch, and lie in the same server.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from redis import Redis

from shared.job_records import read_seconds
from shared.job_store import store_errors
from shared.jobs import new_token
from shared.redis_client import Argument, Script, read_scripts
from shared.settings import Settings
from shared.unreadable import MISSHAPEN
from shared.webhooks import DeliveryErrorCode, DeliveryStatus

log = logging.getLogger(__name__)

#: How long a claimed message stays with a process that says nothing: longer than any try may take.
LEASE_SECONDS = 60.0
#: Seconds to the next try after each one that failed, as Standard Webhooks recommends; after the last it is given up.
PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MOST_ATTEMPTS = len(PAUSES_SECONDS) + 1
#: Messages that one claim looks at: it bounds the time for which the script holds the server.
_LOOK_AT = 200
#: How long a message waits whose receiver has enough of them in hand.
_HELD_BACK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is to be delivered. Times are seconds since the epoch, by the store's clock."""

    #: The same however often it is sent.
    id: str
    #: Proves that this process holds it.
    token: str
    #: Tries, this one included.
    attempt: int
    url: str
    #: Id of the job or batch, and how it ended.
    subject: str
    status: str
    created_at: float
    completed_at: float
    expires_at: float
    error_code: str | None

    @property
    def receiver(self) -> str:
        """Host and port as the URL has them."""
        return self.url.split("/")[2].partition("?")[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that are this process's for now."""

    messages: list[Message]
    #: There may be more that are due.
    has_more: bool


class RedisWebhookOutbox:
    """The outbox beside the records. Every operation raises StoreUnavailable when the store does not answer.

    After such a failure it may be called again: a message is delivered twice at worst, under the same id.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._root = settings.key_root
        self._retention = settings.retention_seconds
        names = ("claim", "settle", "again")
        texts = read_scripts({f"webhook_{name}": True for name in names}, "record", "webhook")
        self._scripts = {name: Script(redis, texts[f"webhook_{name}"]) for name in names}

    def _run(self, script: str, *arguments: Argument) -> Any:
        with store_errors():
            return self._scripts[script](keys=[self._root], args=arguments)

    def claim(self, *, most: int, most_of_one: int, in_hand: Mapping[str, int]) -> Claim:
        """Take the lease of messages that are due.

        most: messages at most, 1 or more. most_of_one: those of one receiver, with those that are in hand already.
        """
        token = new_token()
        arguments: list[Argument] = [token, LEASE_SECONDS, most, most_of_one, MOST_ATTEMPTS, _LOOK_AT]
        arguments.append(_HELD_BACK_SECONDS)
        for receiver, count in in_hand.items():
            arguments += [receiver, count]
        looked_at, *claimed = self._run("claim", *arguments)
        messages = [one for name, fields in claimed if (one := self._find(name, fields, token)) is not None]
        return Claim(messages, has_more=looked_at == _LOOK_AT)

    def _find(self, name: bytes, fields: list[bytes], token: str) -> Message | None:
        """Return a message; one that cannot be read is taken out of the way of the others."""
        try:
            return _decode(name, fields, token)
        except MISSHAPEN:
            # Without the text of the error, which may quote it.
            log.error("webhook left alone, it cannot be read", extra={"webhook_id": name.decode(errors="replace")})  # noqa: TRY400
        with store_errors():
            self._redis.zrem(f"{self._root}webhooks_due", name)
            self._redis.expire(f"{self._root}webhook:".encode() + name, self._retention)
        return None

    def delivered(self, message: Message, last_status: int) -> bool:
        """Write that the receiver has it. Returns whether this process still held it."""
        return self._settle(message, DeliveryStatus.DELIVERED, last_status, "", "")

    def failed(self, message: Message, error: DeliveryErrorCode, last_status: int | None) -> bool:
        """Write that it is given up. Returns whether this process still held it."""
        return self._settle(message, DeliveryStatus.FAILED, last_status, error, "")

    def postpone(
        self, message: Message, error: DeliveryErrorCode, last_status: int | None, *, pause_seconds: float
    ) -> bool:
        """Write that it is tried again after so long. Returns whether this process still held it."""
        return self._settle(message, DeliveryStatus.PENDING, last_status, error, pause_seconds)

    def _settle(
        self, message: Message, status: DeliveryStatus, last_status: int | None, error: str, pause: Argument
    ) -> bool:
        shown = "" if last_status is None else last_status
        return bool(self._run("settle", message.id, message.token, status.value, shown, error, pause))

    def redeliver_job(self, job_id: str) -> bool:
        """Let the message about a job's end be sent again. Returns whether there is one."""
        return bool(self._run("again", f"job:{job_id}"))

    def redeliver_batch(self, batch_id: str) -> bool:
        """Let the message about a batch's last end be sent again. Returns whether there is one."""
        return bool(self._run("again", f"batch:{batch_id}"))


def _decode(name: bytes, fields: list[bytes], token: str) -> Message:
    record = dict(zip(fields[::2], fields[1::2], strict=True))
    return Message(
        id=name.decode(),
        token=token,
        attempt=int(record[b"attempts"]),
        url=record[b"url"].decode(),
        subject=record[b"id"].decode(),
        status=record[b"status"].decode(),
        created_at=read_seconds(record[b"created"]),
        completed_at=read_seconds(record[b"completed"]),
        expires_at=read_seconds(record[b"expires"]),
        error_code=_find_code(record[b"error"]),
    )


def _find_code(text: bytes) -> str | None:
    """Return the code of the error with which a batch, or a job by its outcome, ended."""
    error = orjson.loads(text) if text else None
    if error and "code" in error:
        return str(error["code"])
    return str(error["error"][0]) if error and error["error"] else None
