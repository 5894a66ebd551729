"""Two real servers, one the replica of the other, behind an endpoint that leads to the primary."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from redis import Redis

from benchmarks.forwarder import Forwarder
from benchmarks.service import free_port
from tests.store_process import StoreProcess

_PATIENCE_SECONDS = 20.0
#: Nobody listens here, so whoever is told to follow it stays a replica that hears of nothing.
_NOBODY = 1


class Member:
    """One of the servers, reached beside the endpoint."""

    def __init__(self, process: StoreProcess, port: int) -> None:
        self.process = process
        self.port = port

    def do(self, *command: str | int) -> Any:
        """Run one command as an administrator would."""
        with Redis.from_url(self.process.url, protocol=2, socket_timeout=_PATIENCE_SECONDS) as client:
            return client.execute_command(*command)

    def replication(self) -> Any:
        return self.do("INFO", "replication")


class StorePair:
    """What a managed service with one replica looks like to its clients."""

    def __init__(self, primary: Member, replica: Member, endpoint: Forwarder) -> None:
        self.primary = primary
        self.replica = replica
        self.endpoint = endpoint
        self.url = f"redis://127.0.0.1:{endpoint.port}/0"

    @classmethod
    @contextmanager
    def run(cls, folder: Path) -> Iterator[Self]:
        with ExitStack() as stack:
            members = [_enter_member(stack, folder / name) for name in ("first", "second")]
            pair = cls(members[0], members[1], stack.enter_context(Forwarder.to(members[0].port)))
            pair.join()
            yield pair

    def join(self) -> None:
        """Let the replica follow the primary, and wait until it has all of it."""
        self.primary.do("REPLICAOF", "NO", "ONE")
        self.replica.do("REPLICAOF", "127.0.0.1", self.primary.port)
        _wait_until(lambda: self.replica.replication()["master_link_status"] == "up")
        _wait_until(lambda: self.primary.replication()["connected_slaves"] == 1)

    def fail_over(self) -> None:
        """Exchange the roles without losing a write, and move the endpoint; the old primary lives on, read-only."""
        self.primary.do("FAILOVER", "TO", "127.0.0.1", self.replica.port)
        _wait_until(lambda: self.replica.replication()["role"] == "master")
        self.primary, self.replica = self.replica, self.primary
        self.endpoint.move(self.primary.port)

    def isolate_replica(self) -> None:
        """Leave the replica alive and read-only, but without news of the primary."""
        self.replica.do("REPLICAOF", "127.0.0.1", _NOBODY)


def _enter_member(stack: ExitStack, folder: Path) -> Member:
    folder.mkdir()
    port = free_port()
    extra = f"port {port}\nbind 127.0.0.1\nrepl-diskless-sync-delay 0\nenable-debug-command local\n"
    return Member(stack.enter_context(StoreProcess.run(folder, extra)), port)


def _wait_until(is_so: Any) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until, "the servers do not get there"
        time.sleep(0.01)
