"""Our own service under faults: several API processes, workers of both lanes, and the pair of servers."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chaos.supervised import SupervisedPrograms
from benchmarks.chaos.system import Servers, System
from benchmarks.chaos.web_client import NoAnswer, WebClient
from benchmarks.measure import PROC
from benchmarks.service import free_port
from shared.queues import Lane
from shared.settings import Settings
from standalone.process_manager import Program, quote_percent

#: Names of the processes of the lane of files begin so.
BULK_PREFIX = "bulk-worker"
API_COPIES = 2
WORKERS = 3
BULK_WORKERS = 2
#: A row that hangs must not take as long as the run; everything else is the default.
PREDICT_TIMEOUT_SECONDS = 15.0
#: As in a hurried deployment.
STOP_SECONDS = 10.0
#: Small, so that a file is many pieces of work.
CHUNK_BYTES = 64_000
_TRIGGER_SECONDS = 10.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class RowcallSystem:
    """The service, where clients reach it, and what of it is still open."""

    system: System
    ports: tuple[int, ...]
    key_root: str

    def delete_records(self, since: float, until: float) -> list[str]:
        """Delete every trace of the waiting jobs that were accepted between two moments; return their ids."""
        queued = f"{self.key_root}queued:{Lane.INTERACTIVE.value}"
        with self.system.servers.pair.client() as redis:
            found: Any = redis.zrangebyscore(queued, since, until)
            ids = [job_id.decode() for job_id in found]
            for job_id in ids:
                with redis.pipeline(transaction=True) as pipeline:
                    pipeline.delete(f"{self.key_root}job:{job_id}")
                    pipeline.zrem(queued, job_id)
                    pipeline.zrem(f"{self.key_root}deadlines", job_id)
                    pipeline.execute()
        return ids

    def count_open_jobs(self) -> int:
        """Return how many jobs are not final, whoever submitted them: clients do not know those without an answer."""
        with self.system.servers.pair.client() as redis:
            return int(redis.zcard(f"{self.key_root}deadlines"))


@contextmanager
def running_rowcall(folder: Path, models_dir: Path, *, in_network: bool, broker: str) -> Iterator[RowcallSystem]:
    """Run the service for the time of the block; broker: redis or sqs."""
    settings = Settings(
        data_dir=folder / "data",
        models_dir=models_dir,
        api_processes=2,
        predict_timeout_seconds=PREDICT_TIMEOUT_SECONDS,
        chunk_bytes=CHUNK_BYTES,
        stop_seconds=STOP_SECONDS,
    )
    # The least that a worker takes.
    visibility = settings.visibility_seconds if broker == "sqs" else None
    with Servers.run(folder, in_network=in_network, visibility_seconds=visibility) as servers:
        ports = tuple(free_port() for _ in range(API_COPIES))
        trigger = folder / "die-before-publish"
        programs = _list_programs(servers, ports, trigger, folder)
        environment = settings.to_environment() | (servers.queues.environment() if servers.queues else {})
        with SupervisedPrograms.run(programs, environment, folder) as supervised:
            supervised.wait_until(lambda: all(_is_ready(port) for port in ports))
            system = System(
                servers,
                supervised,
                is_ready=lambda name, pid: has_written_health(folder / f"{name}.health", pid),
                kill_before_publish=lambda: _wait_until_taken(trigger),
            )
            yield RowcallSystem(system, ports, settings.key_root)


def _list_programs(servers: Servers, ports: tuple[int, ...], trigger: Path, folder: Path) -> list[Program]:
    # As in a container: the entrypoint is the main process, and the worker its child.
    worker = [sys.executable, "-m", "shared.entrypoint", sys.executable, "-m", "worker"]
    if servers.network is not None:
        worker = servers.network.command(worker)
    api = [sys.executable, "-m", "benchmarks.chaos.dying_api", str(trigger)]
    return [
        _worker_program("worker", Lane.INTERACTIVE, WORKERS, worker, servers, folder),
        _worker_program(BULK_PREFIX, Lane.BULK, BULK_WORKERS, worker, servers, folder),
        *(Program(f"api-{port}", api, priority=30, environment=_api_environment(servers, port)) for port in ports),
    ]


def _api_environment(servers: Servers, port: int) -> str:
    queues = {"ROWCALL_SQS_ENDPOINT_URL": servers.queues.api_url} if servers.queues else {}
    return _environment(servers.api_address, ROWCALL_PORT=port, **queues)


def _worker_program(name: str, lane: Lane, copies: int, command: list[str], servers: Servers, folder: Path) -> Program:
    health_file = f"{quote_percent(str(folder))}/{name}-%(process_num)d.health"
    queues = {"ROWCALL_SQS_ENDPOINT_URL": servers.queues.worker_url} if servers.queues else {}
    variables = {"ROWCALL_LANES": lane.value, "ROWCALL_HEALTH_FILE": health_file, **queues}
    environment = _environment(servers.worker_address, **variables)
    return Program(name, command, priority=20, copies=copies, environment=environment)


def _environment(address: str, **variables: object) -> str:
    all_of_them = {"ROWCALL_REDIS_URL": f"redis://{address}/0", **variables}
    return ",".join(f'{name}="{value}"' for name, value in all_of_them.items())


def _is_ready(port: int) -> bool:
    client = WebClient(port)
    try:
        return client.ask("GET", "/readyz").status == 200
    except NoAnswer:
        return False
    finally:
        client.close()


def _wait_until_taken(trigger: Path) -> bool:
    """Lay the trigger, and return whether a process took it and died; if none does, take it back."""
    trigger.touch()
    until = time.monotonic() + _TRIGGER_SECONDS
    while trigger.exists():
        if time.monotonic() > until:
            try:
                trigger.unlink()
            except FileNotFoundError:
                return True
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def has_written_health(path: Path, pid: int) -> bool:
    """Say whether a worker has written its health file since it started: it then takes messages."""
    try:
        written_at = path.stat().st_mtime
        stat = (PROC / str(pid) / "stat").read_text()
    except FileNotFoundError:
        # It has not come up for the first time, or it has just died.
        return False
    ticks = int(stat.rpartition(")")[2].split()[19])
    age_seconds = float((PROC / "uptime").read_text().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    return written_at > time.time() - age_seconds
