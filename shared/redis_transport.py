"""Celery's Redis transport, with one client for each channel.

kombu makes a client object for every command, and redis-py takes 0.2 ms to make one (kombu 5.7.0, redis-py 8.1), more
than the command itself. A client only holds on to its pool, so one serves as long as the pool lives.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis


class Channel(redis.Channel):
    """A channel that keeps its client until its pool is given up, which happens on every lost connection."""

    _kept_client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._kept_client is None or self._kept_client.connection_pool is not self.pool:
            self._kept_client = super()._create_client()  # type: ignore[no-untyped-call]
        return self._kept_client


class Transport(redis.Transport):
    """kombu's transport with our channels."""

    Channel = Channel


def use_kept_clients() -> None:
    """Let kombu find this transport behind redis:// and rediss:// URLs; `redis+socket://` leaves no other way."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:Transport"))
