"""Many requests that wait at once in one API process: `python -m benchmarks.waits`. The last line is JSON."""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import orjson

from benchmarks.command_line import count, run_in_folder
from benchmarks.measure import read_states
from benchmarks.report import render_json
from benchmarks.service import free_port
from benchmarks.warm_process import MeasurementFailed
from shared.settings import Settings
from standalone.stack import Stack, running_stack

_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_WAIT_SECONDS = 55
#: A request that gets nothing for so long has failed.
_PATIENCE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class WaitedAnswer:
    """What one of many clients got, and when."""

    status: int
    location: str
    document: Any
    seconds: float


def ask_at_once(url: str, documents: Sequence[Any], *, wait_seconds: int) -> list[WaitedAnswer]:
    """Post every document on a connection of its own, all at the same time, and return the answers in order."""
    return asyncio.run(_ask_all(url, documents, wait_seconds))


async def _ask_all(url: str, documents: Sequence[Any], wait_seconds: int) -> list[WaitedAnswer]:
    address = urlsplit(url)
    # First all connections, then all requests, so that they are there together.
    streams = [await asyncio.open_connection(address.hostname, address.port) for _ in documents]
    asked = [
        _ask(stream, address.path, orjson.dumps(document), wait_seconds)
        for stream, document in zip(streams, documents, strict=True)
    ]
    try:
        return list(await asyncio.wait_for(asyncio.gather(*asked), _PATIENCE_SECONDS))
    finally:
        for _, writer in streams:
            writer.close()


async def _ask(
    stream: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, body: bytes, wait_seconds: int
) -> WaitedAnswer:
    reader, writer = stream
    began = time.monotonic()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\nPrefer: wait={wait_seconds}\r\n\r\n".encode() + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    document = orjson.loads(await reader.readexactly(int(fields["content-length"])))
    return WaitedAnswer(int(lines[0].split()[1]), fields.get("location", ""), document, time.monotonic() - began)


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every request got its answer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waits", description=__doc__)
    parser.add_argument("--connections", type=count, default=1_000)
    parser.add_argument("--rounds", type=count, default=3)
    options = parser.parse_args(arguments)
    return run_in_folder(lambda folder: _measure(folder, options.connections, options.rounds), prefix="rowcall-waits-")


def _measure(folder: Path, connections: int, rounds: int) -> None:
    settings = Settings(port=free_port(), data_dir=folder, api_processes=1, workers=1, max_waiters=connections)
    documents = [{"input": _RECORD}] * connections
    with running_stack(settings) as stack:
        before = _server_memory_mb(stack)
        # The first time the process makes what it then keeps, and the model comes up.
        _measure_round(stack, documents)
        p50, p99 = map(median, zip(*(_measure_round(stack, documents) for _ in range(rounds)), strict=True))
        after = _server_memory_mb(stack)
    figures = {
        "connections": connections,
        "rounds": rounds,
        "p50_seconds": round(p50, 4),
        "p99_seconds": round(p99, 4),
        "p99_vs_p50": round(p99 / p50, 3),
        "server_peak_rss_before_mb": round(before, 1),
        "server_peak_rss_after_mb": round(after, 1),
    }
    sys.stdout.write(render_json(figures) + "\n")


def _measure_round(stack: Stack, documents: Sequence[Any]) -> tuple[float, float]:
    """Return the seconds after which half of the requests, and all but a hundredth, had their answers."""
    answers = ask_at_once(f"{stack.url}/v1/predictions", documents, wait_seconds=_WAIT_SECONDS)
    statuses = Counter(answer.status for answer in answers)
    if statuses != {200: len(documents)}:
        raise MeasurementFailed(f"not every request got its answer: {dict(statuses)}")
    taken = sorted(answer.seconds for answer in answers)
    p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
    sys.stdout.write(f"{len(taken)} answers: p50 {p50:.2f} s, p99 {p99:.2f} s\n")
    return p50, p99


def _server_memory_mb(stack: Stack) -> float:
    """Return the most that the one server process ever held in memory."""
    (api,) = (process for process in stack.processes() if process.name.startswith("api"))
    (server,) = (state for state in read_states().values() if state.parent == api.pid)
    return server.peak_rss_bytes / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
