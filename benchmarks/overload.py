"""Three times as much as the service can do: is what it accepts answered in time, and what is the rest told?

The slow model with one job in a message, so that the time of a job is sleep and HTTP and load take little of the
machine. New jobs come at a fixed rate; whoever is refused comes back when it was told to, as often as it takes, but for
some that never come back.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.slow_model import NAME, publish_slow_model
from benchmarks.warm_process import MeasurementFailed
from shared.settings import Settings
from standalone.stack import Stack, running_stack

LIMIT_SECONDS = 10.0
OVERLOAD = 3.0
#: Of those who are refused, one in so many does not come back.
LEAVING = 5
#: Jobs whose time gives the capacity, and from which the service learns its speed.
PROBE_JOBS = 200
#: The first of them are not counted, one in so many: the stack warms up.
_WARMING = 5
CALL_SECONDS = 0.010
_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_REQUEST_SECONDS = 30.0
#: How many requests are under way at once at most.
_CONNECTIONS = 256
_PAGE_JOBS = 100
#: The memory of the API is looked at so often.
_LOOK_SECONDS = 1.0
#: What it has after so long under load is compared with what it has at the end.
_SETTLED_SECONDS = 10.0
#: How long a worker that is slowed down is stopped, and goes on, at a time.
_STOPPED_SECONDS = 0.1
#: Largest growth of memory from then to the end.
FLAT = 1.1


@dataclass(slots=True)
class Visit:
    """One client with one job."""

    job_id: str = ""
    #: `Retry-After` of its first refusal, and how long after that it was accepted; None: it was never refused.
    told_seconds: float | None = None
    took_seconds: float | None = None
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution by its quantiles."""

    p10: float
    p50: float
    p90: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Overload:
    """What the clients saw, and how the memory of the API processes grew. Seconds, bytes and jobs."""

    #: Jobs per second before the load, and while new jobs came; new jobs per second by what was done then.
    capacity_per_second: float
    answered_per_second: float
    load: float
    asked: int
    refused: int
    #: Of those, how many went for good, and were therefore not judged.
    left: int
    #: Of those who came back: accepted when they came the first time, and not later than twice the time told.
    accepted_at_first_return: float
    told_right_within_two: float
    told_seconds: Spread
    #: What it took, over what was told.
    took_to_told: Spread
    #: From acceptance to the answer, of all jobs.
    wait_seconds: Spread
    limit_seconds: float
    #: Jobs that did not succeed, or took longer than the limit.
    answered_late: int
    api_bytes_before: int
    api_bytes_settled: int
    api_bytes_after: int

    def broken(self) -> list[str]:
        """Return which promises did not hold."""
        claims = {
            "an accepted job was answered late": self.answered_late > 0,
            "fewer than 90 % were told right": self.told_right_within_two < 0.9,
            "memory grew": self.api_bytes_after > FLAT * self.api_bytes_settled,
            "nobody was refused": self.refused == 0,
        }
        return [claim for claim, is_broken in claims.items() if is_broken]


async def visit(http: httpx2.AsyncClient, *, leaves: bool = False) -> Visit:
    """Send one job until it is accepted; raises MeasurementFailed on any other answer.

    leaves: it goes for good when it is refused.
    """
    seen, refused_at = Visit(), 0.0
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    while True:
        answer = await http.post("/v1/predictions", json={"model": NAME, "input": _RECORD}, headers=headers)
        if answer.status_code == 202:
            seen.job_id = answer.json()["id"]
            seen.took_seconds = time.monotonic() - refused_at if seen.refusals else None
            return seen
        if answer.status_code != 429:
            raise MeasurementFailed(f"answered with {answer.status_code}: {answer.text[:200]}")
        told = float(answer.headers["Retry-After"])
        if not seen.refusals:
            seen.told_seconds, refused_at = told, time.monotonic()
        seen.refusals += 1
        if leaves:
            return seen
        await asyncio.sleep(told)


async def come_at_a_rate(http: httpx2.AsyncClient, *, per_second: float, seconds: float) -> list[asyncio.Task[Visit]]:
    """Let new clients come at a fixed rate, whatever becomes of the others."""
    started = time.monotonic()
    visits = []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
        visits.append(asyncio.create_task(visit(http, leaves=number % LEAVING == 0)))
    return visits


async def read_all(http: httpx2.AsyncClient, wanted: set[str]) -> list[dict[str, Any]]:
    """Return the documents of these jobs once all are final; they are listed, because so many reads would be load."""
    found: dict[str, dict[str, Any]] = {}
    while True:
        async for job in _list(http):
            if job["id"] in wanted and job["completed_at"] is not None:
                found[job["id"]] = job
        if len(found) == len(wanted):
            return list(found.values())
        await asyncio.sleep(_LOOK_SECONDS)


async def _list(http: httpx2.AsyncClient) -> Any:
    query: dict[str, str | int] = {"limit": _PAGE_JOBS}
    while True:
        page = (await http.get("/v1/predictions", params=query)).json()
        for job in page["data"]:
            yield job
        if page["next_cursor"] is None:
            return
        query["cursor"] = page["next_cursor"]


@dataclass(slots=True)
class Memory:
    """The memory of the API processes, second by second."""

    pids: Sequence[int]
    bytes_seen: list[int] = field(default_factory=list)

    async def watch(self) -> None:
        """Look until canceled."""
        while True:
            self.bytes_seen.append(resident_bytes(self.pids))
            await asyncio.sleep(_LOOK_SECONDS)

    def after(self, seconds: float) -> int:
        """Return the bytes after so long, or at the end if that was before."""
        return self.bytes_seen[min(int(seconds / _LOOK_SECONDS), len(self.bytes_seen) - 1)]


async def slow_down(pids: Sequence[int], seconds: float) -> None:
    """After so long, and for so long, stop these processes half of the time."""
    await asyncio.sleep(seconds)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for sign in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                os.kill(pid, sign)
            await asyncio.sleep(_STOPPED_SECONDS)


async def measure_capacity(http: httpx2.AsyncClient, *, jobs: int) -> float:
    """Return the jobs per second of a stack that always has more of them."""
    probes = await asyncio.gather(*(visit(http) for _ in range(jobs)))
    ends = sorted(_completed(job) for job in await read_all(http, {probe.job_id for probe in probes}))
    ends = ends[jobs // _WARMING :]
    return (len(ends) - 1) / (ends[-1] - ends[0])


async def measure_overload(
    stack: Stack, *, limit_seconds: float, seconds: float, probe_jobs: int = PROBE_JOBS, is_disturbed: bool = False
) -> Overload:
    """Put a stack that serves the slow model under several times the load that it can take.

    is_disturbed: its workers can do half as much in the middle third of the time.
    """
    limits = httpx2.Limits(max_connections=_CONNECTIONS)
    async with httpx2.AsyncClient(base_url=stack.url, timeout=_REQUEST_SECONDS, limits=limits) as http:
        capacity = await measure_capacity(http, jobs=probe_jobs)
        memory = Memory(find_pids(stack, "api"))
        beside = [asyncio.create_task(memory.watch())]
        if is_disturbed:
            beside.append(asyncio.create_task(slow_down(find_pids(stack, "worker"), seconds / 3)))
        began = time.time()
        coming = await come_at_a_rate(http, per_second=OVERLOAD * capacity, seconds=seconds)
        ended = time.time()
        visits = await asyncio.gather(*coming)
        for task in beside:
            task.cancel()
        jobs = await read_all(http, {one.job_id for one in visits if one.job_id})
    answered = sum(began <= _completed(job) < ended for job in jobs) / (ended - began)
    return Overload(
        capacity_per_second=round(capacity, 1),
        answered_per_second=round(answered, 1),
        load=round(OVERLOAD * capacity / answered, 2),
        limit_seconds=limit_seconds,
        api_bytes_before=memory.bytes_seen[0],
        api_bytes_settled=memory.after(_SETTLED_SECONDS),
        api_bytes_after=memory.bytes_seen[-1],
        **judge_visits(visits),
        **_judge_jobs(jobs, limit_seconds),
    )


def judge_visits(visits: Sequence[Visit]) -> dict[str, Any]:
    """Return what became of the clients, as members of Overload."""
    refused = [one for one in visits if one.refusals]
    back = [one for one in refused if one.job_id]
    ratios = [(one.took_seconds or 0.0) / (one.told_seconds or 1.0) for one in back]
    return {
        "asked": len(visits),
        "refused": len(refused),
        "left": len(refused) - len(back),
        "accepted_at_first_return": _share([one.refusals == 1 for one in back]),
        "told_right_within_two": _share([ratio <= 2 for ratio in ratios]),
        "told_seconds": spread([one.told_seconds or 0.0 for one in back]),
        "took_to_told": spread(ratios),
    }


def _judge_jobs(jobs: Sequence[Mapping[str, Any]], limit_seconds: float) -> dict[str, Any]:
    waits = [_completed(job) - _created(job) for job in jobs]
    pairs = zip(jobs, waits, strict=True)
    return {
        "wait_seconds": spread(waits),
        "answered_late": sum(job["status"] != "succeeded" or wait > limit_seconds for job, wait in pairs),
    }


def spread(values: Sequence[float]) -> Spread:
    """Return the quantiles of values; zeros without any."""
    ordered = sorted(values) or [0.0]
    last = len(ordered) - 1
    return Spread(*(round(ordered[round(share * last)], 3) for share in (0.1, 0.5, 0.9, 0.99, 1.0)))


def _share(claims: Sequence[bool]) -> float:
    return round(sum(claims) / len(claims), 4) if claims else 1.0


def _created(job: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(job["created_at"]).timestamp()


def _completed(job: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(job["completed_at"]).timestamp()


def resident_bytes(pids: Sequence[int]) -> int:
    """Return the memory of processes and of their children."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += resident_bytes([int(child) for child in children])
    return total


def find_pids(stack: Stack, program: str) -> list[int]:
    """Return the process ids of one program of a stack."""
    return [process.pid for process in stack.processes() if process.name.partition("-")[0] == program]


@contextmanager
def small_stack(
    folder: Path, *, port: int, limit_seconds: float, call_seconds: float = CALL_SECONDS, workers: int = 1
) -> Iterator[Stack]:
    """Run a stack that can do little: one job in a message."""
    models_dir = folder / "models"
    publish_slow_model(models_dir, call_seconds=call_seconds)
    settings = Settings(
        port=port,
        data_dir=folder / "data",
        models_dir=models_dir,
        workers=workers,
        message_rows=1,
        max_queue_seconds=limit_seconds,
    )
    with running_stack(settings) as stack:
        yield stack


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the figures as a line of JSON; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long new jobs come")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS)
    parser.add_argument("--call-seconds", type=float, default=CALL_SECONDS, help="how long the model sleeps")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--disturbed", action="store_true", help="workers do half as much in the middle third")
    parser.add_argument("--port", type=int, default=8_765)
    options = parser.parse_args(arguments)
    limit_seconds: float = options.limit_seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        small_stack(
            Path(folder),
            port=options.port,
            limit_seconds=limit_seconds,
            call_seconds=options.call_seconds,
            workers=options.workers,
        ) as stack,
    ):
        found = asyncio.run(
            measure_overload(
                stack, limit_seconds=limit_seconds, seconds=options.seconds, is_disturbed=options.disturbed
            )
        )
    broken = found.broken()
    sys.stdout.write(json.dumps(asdict(found) | {"broken": broken}) + "\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
