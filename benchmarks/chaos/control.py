"""The positive control: the stock configuration under the same kinds of faults, which must lose jobs."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from celery import Celery
from redis import Redis

from benchmarks.chaos.clients import Pace
from benchmarks.chaos.faults import Done, Saboteur
from benchmarks.chaos.schedule import Fault
from benchmarks.chaos.stock_celery import (
    DATABASES,
    RESTORE_SECONDS,
    TASK,
    VISIBILITY_SECONDS,
    Acknowledgement,
    make_app,
)
from benchmarks.chaos.supervised import SupervisedPrograms
from benchmarks.chaos.system import Servers, System
from benchmarks.chaos.traced_model import count_executions
from benchmarks.chaos.traced_people import TracedPeople
from standalone.process_manager import Program

_WORKERS = 2
_SUBMITTERS = 8
#: Whatever comes back by itself has come back after this.
DRAIN_SECONDS = VISIBILITY_SECONDS + 3 * RESTORE_SECONDS + 5.0
_RESULT_KEY = "celery-task-meta-"
_WARM_UP_SECONDS = 60.0


@dataclass(slots=True)
class ControlResult:
    """What became of the tasks that the stock configuration accepted: a send that returned without an error."""

    accepted: int = 0
    #: No result, and no message that could still bring one, by kind of acknowledgement.
    lost: dict[str, int] = field(default_factory=dict)
    #: Reported as failed, though nothing is wrong with any row.
    failed: int = 0
    wrong: int = 0
    #: No result yet, but a message is left.
    pending: int = 0
    executed_twice: int = 0
    send_errors: int = 0
    faults: list[Done] = field(default_factory=list)

    @property
    def all_lost(self) -> int:
        return sum(self.lost.values())

    def add(self, other: "ControlResult") -> None:
        """Take in another round."""
        self.accepted += other.accepted
        self.lost = {name: self.lost.get(name, 0) + number for name, number in other.lost.items()}
        self.failed += other.failed
        self.wrong += other.wrong
        self.pending += other.pending
        self.executed_twice += other.executed_twice
        self.send_errors += other.send_errors
        self.faults += other.faults


@dataclass(frozen=True, slots=True)
class _Line:
    """One of the two applications, and the tickets of the tasks that it accepted."""

    acknowledgement: Acknowledgement
    app: Celery
    tickets: dict[str, int]


def run_control(
    folder: Path, plan: Sequence[Fault], *, people: TracedPeople, rate: float, call_seconds: float, in_network: bool
) -> ControlResult:
    """Send tasks for as long as the plan goes, wait for what comes back, and count.

    rate: tasks per second, both applications together. call_seconds: how long the model takes.
    """
    artifact, trace_dir = people.artifact, folder / "traces"
    trace_dir.mkdir(parents=True)
    with Servers.run(folder, in_network=in_network) as servers:
        programs = [_program(servers, one, artifact, trace_dir, call_seconds) for one in Acknowledgement]
        with SupervisedPrograms.run(programs, {}, folder) as supervised:
            lines = [_Line(one, make_app(servers.api_address, one), {}) for one in Acknowledgement]
            _warm_up(lines, people)
            result = ControlResult()
            with _sending(lines, people, result, rate):
                saboteur = Saboteur(System(servers, supervised))
                saboteur.carry_out(plan, time.monotonic())
            result.faults = saboteur.done
            time.sleep(DRAIN_SECONDS)
            _count(result, lines, servers, people)
    executions = count_executions(trace_dir)
    result.executed_twice = sum(
        executions[ticket] > 1 for line in lines for ticket in line.tickets.values() if ticket in executions
    )
    return result


def _program(
    servers: Servers, acknowledgement: Acknowledgement, artifact: Path, trace_dir: Path, call_seconds: float
) -> Program:
    arguments = [servers.worker_address, acknowledgement.value, str(artifact), str(trace_dir), str(call_seconds)]
    command = [sys.executable, "-m", "benchmarks.chaos.stock_celery", *arguments]
    if servers.network is not None:
        command = servers.network.command(command)
    return Program(f"worker-{acknowledgement.value}", command, priority=20, copies=_WORKERS)


def _warm_up(lines: Sequence[_Line], people: TracedPeople) -> None:
    """Wait until the workers of each application answer."""
    row = list(people.record(0).values())
    for line in lines:
        for task in [line.app.send_task(TASK, [row]) for _ in range(2 * _WORKERS)]:
            task.get(timeout=_WARM_UP_SECONDS)


@contextmanager
def _sending(lines: Sequence[_Line], people: TracedPeople, result: ControlResult, rate: float) -> Iterator[None]:
    stopping, lock, pace = threading.Event(), threading.Lock(), Pace(rate)

    def send(number: int) -> None:
        for turn in count(number):
            ticket, wait = pace.take()
            if stopping.wait(wait):
                return
            line = lines[turn % len(lines)]
            row = list(people.record(ticket).values())
            try:
                task_id = line.app.send_task(TASK, [row]).id
            except Exception:
                # In an outage kombu raises what it happens to stumble over, an AttributeError for example.
                with lock:
                    result.send_errors += 1
                continue
            with lock:
                line.tickets[task_id] = ticket

    threads = [threading.Thread(target=send, args=(number,), daemon=True) for number in range(_SUBMITTERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _count(result: ControlResult, lines: Sequence[_Line], servers: Servers, people: TracedPeople) -> None:
    for line in lines:
        with Redis(port=servers.pair.primary_port, db=DATABASES[line.acknowledgement]) as redis:
            pending = _find_pending(redis)
            lost = 0
            for task_id, ticket in line.tickets.items():
                document: Any = redis.get(_RESULT_KEY + task_id)
                if document is None:
                    result.pending += task_id in pending
                    lost += task_id not in pending
                    continue
                outcome = json.loads(document)
                result.failed += outcome["status"] != "SUCCESS"
                result.wrong += outcome["status"] == "SUCCESS" and outcome["result"] != people.output(ticket)
        result.accepted += len(line.tickets)
        result.lost[line.acknowledgement.value] = lost


def _find_pending(redis: Redis) -> set[str]:
    """Return the ids of tasks whose message is still in a queue, or noted as being with a worker."""
    keys: Any = redis.keys("celery*")
    queues = [key for key in keys if not key.startswith(_RESULT_KEY.encode()) and redis.type(key) == b"list"]
    queued: list[Any] = [message for key in queues for message in redis.lrange(key, 0, -1)]
    held: list[Any] = [json.loads(entry)[0] for entry in redis.hvals("unacked")]
    messages = [json.loads(message) for message in queued] + held
    return {str(message["headers"]["id"]) for message in messages}
