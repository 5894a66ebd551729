"""What faults are done to: processes by role, the pair of servers, and the ways to it."""

from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.chaos.fates import Fate
from benchmarks.chaos.queue_server import QueueServer
from benchmarks.chaos.store_pair import StorePair
from benchmarks.chaos.supervised import SupervisedPrograms
from benchmarks.chaos.worker_network import WorkerNetwork
from benchmarks.forwarder import Forwarder


@dataclass(frozen=True, slots=True)
class Servers:
    """The pair of servers, and an endpoint in front of it for each side, so that each can be cut off alone."""

    pair: StorePair
    to_workers: Forwarder
    to_api: Forwarder
    #: None where this process may not make one; partitions then happen in the forwarder.
    network: WorkerNetwork | None
    #: None where the queues are on the pair of servers.
    queues: QueueServer | None

    @classmethod
    @contextmanager
    def run(cls, folder: Path, *, in_network: bool, visibility_seconds: int | None = None) -> Iterator[Self]:
        """Run all of it for the time of the block.

        visibility_seconds: how long SQS keeps a message for who took it; None without SQS.
        """
        with ExitStack() as running:
            network = running.enter_context(WorkerNetwork.run()) if in_network else None
            pair = running.enter_context(StorePair.run(folder))
            host = network.host if network else "127.0.0.1"
            to_workers = running.enter_context(Forwarder.to(pair.primary_port, host=host))
            to_api = running.enter_context(Forwarder.to(pair.primary_port))
            queues = None
            if visibility_seconds is not None:
                queues = running.enter_context(QueueServer.run(worker_host=host, visibility_seconds=visibility_seconds))
            yield cls(pair, to_workers, to_api, network, queues)

    @property
    def worker_address(self) -> str:
        """Where workers find the primary."""
        return f"{self.network.host if self.network else '127.0.0.1'}:{self.to_workers.port}"

    @property
    def api_address(self) -> str:
        """Where the API finds the primary."""
        return f"127.0.0.1:{self.to_api.port}"

    def cut_api(self, **directions: bool) -> None:
        """Let nothing pass between the API and the servers, in these directions."""
        for endpoint in self._api_endpoints():
            endpoint.freeze(**directions)

    def heal_api(self) -> None:
        for endpoint in self._api_endpoints():
            endpoint.thaw()

    def cut_workers(self, **directions: bool) -> None:
        """Let nothing pass between the workers and the servers, in these directions."""
        if self.network is not None:
            self.network.cut(**directions)
            return
        for endpoint in self._worker_endpoints():
            endpoint.freeze(**directions)

    def heal_workers(self) -> None:
        if self.network is not None:
            self.network.heal()
            return
        for endpoint in self._worker_endpoints():
            endpoint.thaw()

    def _api_endpoints(self) -> list[Forwarder]:
        return [self.to_api, *([self.queues.to_api] if self.queues else [])]

    def _worker_endpoints(self) -> list[Forwarder]:
        return [self.to_workers, *([self.queues.to_workers] if self.queues else [])]

    def follow_primary(self) -> None:
        """Lead new connections to whoever is the primary now."""
        for endpoint in (self.to_workers, self.to_api):
            endpoint.move(self.pair.primary_port)


@dataclass(frozen=True, slots=True)
class System:
    """One service under faults."""

    servers: Servers
    programs: SupervisedPrograms
    #: Names of the processes that compute, and of those that take requests, begin so.
    worker_prefixes: tuple[str, ...] = ("worker",)
    api_prefixes: tuple[str, ...] = ("api",)
    #: Whether the worker of this name and process id has come up.
    is_ready: Callable[[str, int], bool] = field(default=lambda _name, _pid: True)
    #: Lets the next API process that sends a message die right before it; returns whether one did.
    kill_before_publish: Callable[[], bool] = field(default=lambda: False)
    #: Submits a row with this fate.
    submit_poison: Callable[[Fate], None] = field(default=lambda _fate: None)
    #: Deletes the records of waiting jobs that were accepted between two moments; returns how many.
    delete_records: Callable[[float, float], int] = field(default=lambda _since, _until: 0)

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers that run, in the order of their names."""
        return list(self.programs.pids(*self.worker_prefixes).values())

    def spare_workers(self, without: Set[int]) -> list[int]:
        """Return the process ids of the workers that have come up, and beside each of which another of its lane has.

        without: workers that do not count, because they are frozen.
        """
        ready = {
            name: pid
            for name, pid in self.programs.pids(*self.worker_prefixes).items()
            if pid not in without and self.is_ready(name, pid)
        }
        lanes = Counter(map(_lane_of, ready))
        return [pid for name, pid in ready.items() if lanes[_lane_of(name)] > 1]

    def api_pids(self) -> list[int]:
        """Return the process ids of the API's main processes that run."""
        return list(self.programs.pids(*self.api_prefixes).values())


def _lane_of(name: str) -> str:
    """Return the name without the number of the copy."""
    return name.rpartition("-")[0]
