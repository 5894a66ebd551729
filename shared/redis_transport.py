"""Celery's Redis transport, with one client for each channel, and with messages that a full server takes.

kombu makes a client object for every command, and redis-py takes 0.2 ms to make one (kombu 5.7.0, redis-py 8.1), more
than the command itself. A client only holds on to its pool, so one serves as long as the pool lives.
"""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.json import dumps

from shared.plain_messages import PlainMessage
from shared.unreadable import MISSHAPEN

#: A message is sent for jobs that were accepted, so a server without memory left must take it.
PUSH = "#!lua flags=allow-oom\nreturn redis.call('LPUSH', KEYS[1], ARGV[1])"

log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """A channel that keeps its client until its pool is given up, which happens on every lost connection."""

    Message = PlainMessage

    _kept_client: Any = None
    _push: Any = None

    def _put(self, queue: str, message: Any, **_options: Any) -> None:
        client = self._create_client()
        if self._push is None or self._push.registered_client is not client:
            self._push = client.register_script(PUSH)
        key = self._q_for_pri(queue, self._get_message_priority(message, reverse=False))  # type: ignore[no-untyped-call]
        self._push(keys=[key], args=[dumps(message)])  # type: ignore[no-untyped-call]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Write nothing: we name our queues, so nobody reads this, and a consumer must come up on a full server."""

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._kept_client is None or self._kept_client.connection_pool is not self.pool:
            self._kept_client = super()._create_client()  # type: ignore[no-untyped-call]
        return self._kept_client

    def _brpop_read(self, **options: Any) -> Any:
        """Take a message off its queue. kombu would end the worker on something that is no message."""
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except MISSHAPEN as error:
            # Its text may quote what was there, whose content belongs to whoever sent it.
            log.error("dropped from a queue what is no message", extra={"error": type(error).__name__})  # noqa: TRY400
            return True


class Transport(redis.Transport):
    """kombu's transport with our channels."""

    Channel = Channel


def use_kept_clients() -> None:
    """Let kombu find this transport behind redis:// and rediss:// URLs; `redis+socket://` leaves no other way."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
