"""Two Valkey servers, a primary and its replica, that can be killed, put to sleep, filled and made to change roles.

Every write is on disk before it is answered (`appendfsync always`). One runs at a time as primary; the way to it is the
concern of whoever forwards to `primary_port`.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.service import free_port
from benchmarks.warm_process import MeasurementFailed
from shared.child_process import end_with_parent
from standalone.store_server import find_store_server, store_configuration

_START_SECONDS = 60.0
_LOOK_SECONDS = 0.02
#: A change of roles that takes longer is called off by the server.
_FAILOVER_MILLISECONDS = 5_000


class FaultFailed(Exception):
    """Raised when a fault could not be done to the system; it then counts as none."""


class _Server:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        folder.mkdir(parents=True)
        self._configuration = folder / "store.conf"
        self._log = folder / "log"
        extra = [
            f"port {self.port}",
            "bind 127.0.0.1",
            "appendfsync always",
            "enable-debug-command local",
            "repl-diskless-sync-delay 0",
            "",
        ]
        text = store_configuration(state_dir=folder, socket=folder / "s")
        # A path of a socket may have about 100 characters, and nobody needs this one.
        lines = [line for line in text.splitlines() if not line.startswith(("unixsocket", "port", "appendfsync"))]
        self._configuration.write_text("\n".join(lines + extra))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, replica_of: int | None = None) -> None:
        command = [str(find_store_server()), str(self._configuration)]
        if replica_of is not None:
            command += ["--replicaof", f"127.0.0.1 {replica_of}"]
        with self._log.open("ab") as log:
            self.process = _starter.submit(_start, command, log).result()
        _wait_until(self.answers, "the server does not answer")

    def client(self, *, timeout_seconds: float = 2.0) -> Redis:
        return Redis(port=self.port, protocol=3, socket_timeout=timeout_seconds, socket_connect_timeout=2.0)

    def answers(self) -> bool:
        with self.client() as redis:
            try:
                return bool(redis.ping())
            except RedisError:
                return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()


#: The kernel ends a child with the thread that started it, and the thread of a fault does not live long.
_starter = ThreadPoolExecutor(1, thread_name_prefix="store-starter")


def _start(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        # A Ctrl-C in the terminal reaches the benchmark alone, which ends the others.
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - it only asks the kernel for a signal
    )


class StorePair:
    """Both servers. Faults come one at a time."""

    def __init__(self, folder: Path) -> None:
        self._primary = _Server(folder / "store-0")
        self._replica = _Server(folder / "store-1")

    @classmethod
    @contextmanager
    def run(cls, folder: Path) -> Iterator[Self]:
        """Run both for the time of the block."""
        pair = cls(folder)
        try:
            pair._primary.start()
            pair._replica.start(replica_of=pair._primary.port)
            yield pair
        finally:
            for server in (pair._primary, pair._replica):
                if server.process is not None:
                    server.kill()

    @property
    def primary_port(self) -> int:
        return self._primary.port

    @property
    def pids(self) -> dict[str, int]:
        """Return the process ids by what the servers are at the moment."""
        found = {"store": self._primary.process, "replica": self._replica.process}
        return {name: process.pid for name, process in found.items() if process is not None}

    def client(self, *, timeout_seconds: float = 2.0) -> Redis:
        """Return a client of the primary, past every forwarder."""
        return self._primary.client(timeout_seconds=timeout_seconds)

    def kill(self, *, down_seconds: float) -> None:
        """Kill the primary, and start it again after so long."""
        self._primary.kill()
        time.sleep(down_seconds)
        self._primary.start()

    def sleep(self, seconds: float) -> None:
        """Let the primary do nothing at all for so long."""
        self._command("DEBUG", "SLEEP", f"{seconds:.3f}", timeout_seconds=seconds + 5.0)

    def pause(self, seconds: float) -> None:
        """Let the primary answer nobody for so long."""
        self._command("CLIENT", "PAUSE", round(seconds * 1e3))
        time.sleep(seconds)

    def disconnect(self) -> None:
        """Close every connection of a client."""
        for kind in ("normal", "pubsub"):
            self._command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def set_memory_full(self, is_full: bool) -> None:
        """Let the primary have no memory left for anything new, or as much as it likes."""
        self._command("CONFIG", "SET", "maxmemory", "1mb" if is_full else "0")

    def change_roles(self) -> None:
        """Make the replica the primary once it has every write; the old one lives on and refuses to write.

        Raises FaultFailed when the replica is not ready for it; everything then stays as it was.
        """
        try:
            _wait_until(self._has_replica, "the replica is not in step")
        except MeasurementFailed as error:
            raise FaultFailed(str(error)) from error
        self._command("FAILOVER", "TIMEOUT", _FAILOVER_MILLISECONDS)
        until = time.monotonic() + _FAILOVER_MILLISECONDS / 1e3 + 2.0
        while not self._is_primary(self._replica):
            if time.monotonic() > until:
                raise FaultFailed("the servers did not change roles")
            time.sleep(_LOOK_SECONDS)
        self._primary, self._replica = self._replica, self._primary

    def _has_replica(self) -> bool:
        with self.client() as redis:
            try:
                return str(redis.info("replication").get("slave0", {}).get("state")) == "online"
            except RedisError:
                return False

    @staticmethod
    def _is_primary(server: _Server) -> bool:
        with server.client() as redis:
            try:
                return str(redis.role()[0]) in ("master", "b'master'")
            except RedisError:
                return False

    def _command(self, *words: str | int, timeout_seconds: float = 5.0) -> None:
        """Give the primary a command; raises FaultFailed when it does not take it."""
        with self.client(timeout_seconds=timeout_seconds) as redis:
            try:
                redis.execute_command(*words)
            except RedisError as error:
                raise FaultFailed(f"the primary did not take it: {type(error).__name__}: {error}") from error


def _wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while not is_so():
        if time.monotonic() > until:
            raise MeasurementFailed(f"{otherwise} after {_START_SECONDS:g} s")
        with suppress(InterruptedError):
            time.sleep(_LOOK_SECONDS)
