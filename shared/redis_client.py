"""make_redis(settings): the one way to a Redis client that survives failover and never hangs; and scripts for it."""

import hashlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import BusyLoadingError, MasterDownError, NoScriptError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from shared.settings import Settings

#: Longest wait for one answer; a half-open connection is found out after it.
SOCKET_TIMEOUT_SECONDS = 2.0
#: What a server says that is no primary, though the endpoint still led to it when we connected.
_DEMOTED = (ReadOnlyError, MasterDownError)
_WORTH_A_TRY = (RedisConnectionError, RedisTimeoutError, OSError, BusyLoadingError, *_DEMOTED)

_this_thread = threading.local()

Argument = bytes | str | int | float


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
    data; 3 of them ride out about a second, and end after about 9 s when the server is silent. Every script of ours may
    therefore run twice, and is written for it.
    """

    def leave_server() -> None:
        pool.disconnect(inuse_connections=False)
        pool.update_active_connections_for_reconnect()

    pool = PatientPool.from_url(
        url,
        max_connections=max_connections,
        timeout=timeout_seconds,
        protocol=3,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        health_check_interval=10,
        retry=FailoverRetry(retries, leave_server),
        client_name=settings.key_prefix,
        **({} if url.startswith("unix") else {"socket_keepalive": True}),
    )
    return Redis(connection_pool=pool)


def open_connections_soon(redis: Redis, count: int) -> None:
    """Have a client open so many connections beforehand, for as many threads that use it at once; without waiting.

    Otherwise it opens one whenever more threads than ever coincide. That may take hours to come about: a request is
    slower by a handshake then, when nobody expects it, and connections seem to leak.
    """
    threading.Thread(target=open_connections, args=(redis, count), name="connections", daemon=True).start()


def open_connections(redis: Redis, count: int) -> None:
    """Have a client hold so many connections; fewer if the server is away, for then they are opened when needed."""
    with suppress(RedisError):
        pool: Any = redis.connection_pool
        pool.open_more(count)


class PatientPool(BlockingConnectionPool):
    """A pool that tries again when a server takes a connection and does not greet it, which redis-py does not."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Return a connection that is ready for a command."""
        retry: FailoverRetry = self.connection_kwargs["retry"]
        find: Callable[..., Any] = super().get_connection
        return retry.call_with_retry(lambda: find(*args, **options), lambda _error: None, _is_outage)

    def open_more(self, count: int) -> None:
        """Open connections until there are so many, without taking one from anybody who wants it meanwhile.

        Raises RedisError when the server is away; what is open by then stays.
        """
        while len(self._connections) < count:
            connection = self.connection_class(**self.connection_kwargs)
            connection.connect()
            if not self._take_in(connection):
                connection.disconnect()
                return

    def _take_in(self, connection: Any) -> bool:
        """Put a connection in place of one that has yet to be opened; says whether there was such a place."""
        # The pool's queue holds None for each of them. To get it from the queue first would keep it from others while a
        # server is slow. What is put last is taken first, so that none of the others is opened without need.
        with self.pool.mutex:
            if None not in self.pool.queue:
                return False
            self.pool.queue.remove(None)
            self.pool.queue.append(connection)
            self._connections.append(connection)
            return True


def _is_outage(error: Exception) -> bool:
    """Say whether to try again: a pool whose connections are all in use has waited long enough for one."""
    return not isinstance(error.__context__, queue.Empty)


class FailoverRetry(Retry):
    """Tries commands of one connection again, and leaves a demoted primary with the whole pool.

    redis-py gives up only the connection that was refused. The others would go on to read from a server that no
    longer hears of what is written.
    """

    def __init__(self, retries: int, leave_server: Callable[[], None]) -> None:
        super().__init__(ExponentialWithJitterBackoff(cap=1.0, base=0.1), retries, _WORTH_A_TRY)
        self._leave_server = leave_server

    def __deepcopy__(self, _memo: object) -> "FailoverRetry":
        """Each connection has a copy of its own; all leave with the same pool."""
        return FailoverRetry(self._retries, self._leave_server)

    def call_with_retry(self, do: Callable[[], Any], fail: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Call `do` until it succeeds, as often as allowed."""
        if getattr(_this_thread, "is_trying", False):
            # To connect is part of a try and has no tries of its own, because those would multiply.
            return do()

        def note(error: Exception, *count: int) -> None:
            if isinstance(error, _DEMOTED):
                self._leave_server()
            fail(error, *count)

        _this_thread.is_trying = True
        try:
            return super().call_with_retry(do, note, *args, **options)
        finally:
            _this_thread.is_trying = False


class Script:
    """One script of the server, called by its hash.

    A server that does not know it, such as a new primary, gets its text in the call itself: between loading and calling
    the endpoint could move.
    """

    def __init__(self, redis: Redis, text: str) -> None:
        self._redis = redis
        self._text = text
        self._hash = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, *, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run it and return its answer."""
        try:
            return self._redis.evalsha(self._hash, len(keys), *keys, *args)
        except NoScriptError:
            return self._redis.eval(self._text, len(keys), *keys, *args)

    def replicated(
        self, *, keys: Sequence[str], args: Sequence[Argument], replicas: int, timeout_seconds: float
    ) -> tuple[Any, int]:
        """Run it, and wait until so many replicas have what it wrote, or for so long.

        Returns its answer and how many replicas have it. Both are one round trip on one connection, because the server
        knows for each connection what was written last.
        """
        try:
            return self._with_wait("EVALSHA", self._hash, keys, args, replicas, timeout_seconds)
        except NoScriptError:
            return self._with_wait("EVAL", self._text, keys, args, replicas, timeout_seconds)

    def _with_wait(
        self,
        command: str,
        what: str,
        keys: Sequence[str],
        args: Sequence[Argument],
        replicas: int,
        timeout_seconds: float,
    ) -> tuple[Any, int]:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(command, what, len(keys), *keys, *args)  # type: ignore[no-untyped-call]
            pipeline.wait(replicas, int(timeout_seconds * 1000))
            answer, having = pipeline.execute()
        return answer, having


def read_scripts(may_exceed_memory: Mapping[str, bool], *preludes: str) -> dict[str, str]:
    """Return the text of scripts in lua/, each behind the preludes.

    may_exceed_memory: for each script, whether it runs although the server's memory is full. A full store must
    refuse new jobs, but never the answers of those it has accepted.
    """
    folder = Path(__file__).parent / "lua"
    shared_text = "".join((folder / f"{name}.lua").read_text() for name in preludes)
    return {
        name: ("#!lua flags=allow-oom\n" if is_free else "#!lua\n") + shared_text + (folder / f"{name}.lua").read_text()
        for name, is_free in may_exceed_memory.items()
    }
