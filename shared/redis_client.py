"""make_redis(settings): the one way to a Redis client that survives failover and never hangs."""

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, ReadOnlyError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from shared.settings import Settings

#: Longest wait for one answer; a half-open connection is found out after it.
SOCKET_TIMEOUT_SECONDS = 2.0


def make_redis(
    settings: Settings,
    url: str,
    *,
    retries: int,
    max_connections: int = 32,
    timeout_seconds: float = SOCKET_TIMEOUT_SECONDS,
) -> Redis:
    """Return a thread-safe client of the server at `url`; it connects on first use.

    retries: tries after the first, on a lost connection, on a demoted primary and while the server loads its
    data; 3 of them ride out about a second. Every script of ours may therefore run twice, and is written for it.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout_seconds,
        protocol=3,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=10,
        retry=Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.1), retries),
        retry_on_error=[ReadOnlyError, RedisConnectionError, RedisTimeoutError, BusyLoadingError],
        client_name=settings.key_prefix,
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
    )
    return Redis(connection_pool=pool)
