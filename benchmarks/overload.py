"""Three times as much as the service can do: is what it accepts answered in time, and what is the rest told?

The slow model with one job in a message and one worker, so that HTTP and load take little of the machine. New jobs
come at a fixed rate; whoever is refused comes back when it was told to, as often as it takes.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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
#: Jobs whose time gives the capacity, and from which the service learns its speed.
_PROBE_JOBS = 40
#: Of the model: long, so that what the machine does besides changes little.
_CALL_SECONDS = 0.1
_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_REQUEST_SECONDS = 30.0
#: How many requests are under way at once at most.
_CONNECTIONS = 256


@dataclass(slots=True)
class Visit:
    """One client with one job."""

    job_id: str = ""
    #: `Retry-After` of its first refusal, and how long after that it was accepted; None: it was never refused.
    told_seconds: float | None = None
    took_seconds: float | None = None
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Overload:
    """What the clients saw, and how the memory of the API processes grew. Seconds, bytes and jobs."""

    capacity_per_second: float
    asked: int
    refused: int
    #: Refused clients that were accepted when they came back the first time, and not later than twice the time told.
    accepted_at_first_return: float
    told_right_within_two: float
    longest_told_seconds: float
    #: From acceptance to the answer, of all jobs.
    median_wait_seconds: float
    longest_wait_seconds: float
    limit_seconds: float
    #: Jobs that did not succeed, or took longer than the limit.
    answered_late: int
    api_bytes_before: int
    api_bytes_after: int


async def visit(http: httpx2.AsyncClient) -> Visit:
    """Send one job until it is accepted; raises MeasurementFailed on any other answer."""
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
        await asyncio.sleep(told)


async def come_at_a_rate(http: httpx2.AsyncClient, *, per_second: float, seconds: float) -> list[Visit]:
    """Let new clients come at a fixed rate, whatever became of the others; return when all are accepted."""
    started = time.monotonic()
    visits = []
    for number in range(int(per_second * seconds)):
        await asyncio.sleep(max(0.0, started + number / per_second - time.monotonic()))
        visits.append(asyncio.create_task(visit(http)))
    return list(await asyncio.gather(*visits))


async def read_final(http: httpx2.AsyncClient, job_id: str) -> dict[str, Any]:
    """Return the document of a job once it is final."""
    while True:
        document: dict[str, Any] = (await http.get(f"/v1/predictions/{job_id}", headers={"Prefer": "wait=20"})).json()
        if document["completed_at"] is not None:
            return document


async def measure_overload(url: str, api_pids: Sequence[int], *, limit_seconds: float, seconds: float) -> Overload:
    """Put a stack that serves the slow model under three times the load that it can take."""
    limits = httpx2.Limits(max_connections=_CONNECTIONS)
    async with httpx2.AsyncClient(base_url=url, timeout=_REQUEST_SECONDS, limits=limits) as http:
        probes = await asyncio.gather(*(visit(http) for _ in range(_PROBE_JOBS)))
        done = [await read_final(http, probe.job_id) for probe in probes]
        capacity = len(done) / (max(map(_completed, done)) - min(map(_created, done)))
        before = _resident_bytes(api_pids)
        visits = await come_at_a_rate(http, per_second=OVERLOAD * capacity, seconds=seconds)
        after = _resident_bytes(api_pids)
        jobs = [await read_final(http, one.job_id) for one in visits]
    waits = sorted(_completed(job) - _created(job) for job in jobs)
    late = sum(job["status"] != "succeeded" or _completed(job) - _created(job) > limit_seconds for job in jobs)
    refused = [one for one in visits if one.refusals]
    return Overload(
        capacity_per_second=round(capacity, 1),
        asked=len(visits),
        refused=len(refused),
        accepted_at_first_return=_share(one.refusals == 1 for one in refused),
        told_right_within_two=_share((one.took_seconds or 0) <= 2 * (one.told_seconds or 0) for one in refused),
        longest_told_seconds=max((one.told_seconds or 0.0 for one in refused), default=0.0),
        median_wait_seconds=round(waits[len(waits) // 2], 3),
        longest_wait_seconds=round(waits[-1], 3),
        limit_seconds=limit_seconds,
        answered_late=late,
        api_bytes_before=before,
        api_bytes_after=after,
    )


def _share(claims: Iterator[bool]) -> float:
    held = list(claims)
    return round(sum(held) / len(held), 4) if held else 1.0


def _created(job: dict[str, Any]) -> float:
    return datetime.fromisoformat(job["created_at"]).timestamp()


def _completed(job: dict[str, Any]) -> float:
    return datetime.fromisoformat(job["completed_at"]).timestamp()


def _resident_bytes(pids: Sequence[int]) -> int:
    """Return the memory of processes and of their children."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        total += _resident_bytes([int(child) for child in children])
    return total


def find_api(stack: Stack) -> list[int]:
    """Return the process ids of the API's web servers."""
    return [process.pid for process in stack.processes() if process.name.startswith("api")]


@contextmanager
def small_stack(folder: Path, *, port: int, limit_seconds: float) -> Iterator[Stack]:
    """Run a stack that can do little: one worker, and one job in a message."""
    models_dir = folder / "models"
    publish_slow_model(models_dir, call_seconds=_CALL_SECONDS)
    settings = Settings(
        port=port,
        data_dir=folder / "data",
        models_dir=models_dir,
        workers=1,
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
    parser.add_argument("--port", type=int, default=8_765)
    options = parser.parse_args(arguments)
    limit_seconds: float = options.limit_seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        small_stack(Path(folder), port=options.port, limit_seconds=limit_seconds) as stack,
    ):
        found = asyncio.run(
            measure_overload(stack.url, find_api(stack), limit_seconds=limit_seconds, seconds=options.seconds)
        )
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return int(found.answered_late > 0 or found.told_right_within_two < 0.9)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
