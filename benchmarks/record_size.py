"""Memory that a finished job takes in the job store: `python -m benchmarks.record_size`. The last line is JSON."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from redis import Redis

from benchmarks.command_line import count, run_in_folder
from benchmarks.report import render_json
from benchmarks.service import free_port
from benchmarks.waits import ask_at_once
from shared.settings import Settings
from standalone.stack import running_stack

_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_TOGETHER = 500


def main(arguments: Sequence[str]) -> int:
    """Return 0 when every job was answered."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.record_size", description=__doc__)
    parser.add_argument("--jobs", type=count, default=5_000)
    options = parser.parse_args(arguments)
    return run_in_folder(lambda folder: _measure(folder, options.jobs), prefix="rowcall-record-size-")


def _measure(folder: Path, jobs: int) -> None:
    settings = Settings(port=free_port(), data_dir=folder, api_processes=1, workers=1, max_waiters=_TOGETHER)
    with running_stack(settings) as stack:
        url = f"{stack.url}/v1/predictions"
        # The first answers make what the server then keeps: scripts, connections, buffers.
        ask_at_once(url, [{"input": _RECORD}] * _TOGETHER, wait_seconds=55)
        with Redis.from_url(stack.store_url) as server:
            before = server.info("memory")["used_memory"]
            for _ in range(jobs // _TOGETHER):
                ask_at_once(url, [{"input": _RECORD}] * _TOGETHER, wait_seconds=55)
            after = server.info("memory")["used_memory"]
    figures = {"jobs": jobs // _TOGETHER * _TOGETHER, "bytes_per_job": round((after - before) / jobs)}
    sys.stdout.write(render_json(figures) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
