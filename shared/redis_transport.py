"""Celery's Redis transport, with one client for each channel.

kombu makes a client object for every command, and redis-py takes 0.2 ms to make one (kombu 5.7.0, redis-py 8.1), more
than the command itself. A client only holds on to its pool, so one serves as long as the pool lives.
"""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

log = logging.getLogger(__name__)


class Channel(redis.Channel):
    """A channel that keeps its client until its pool is given up, which happens on every lost connection."""

    _kept_client: Any = None

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
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            # Its text may quote what was there, whose content belongs to whoever sent it.
            log.error("dropped from a queue what is no message", extra={"error": type(error).__name__})  # noqa: TRY400
            return True


class Transport(redis.Transport):
    """kombu's transport with our channels."""

    Channel = Channel


def use_kept_clients() -> None:
    """Let kombu find this transport behind redis:// and rediss:// URLs; `redis+socket://` leaves no other way."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
