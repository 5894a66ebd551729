"""Does one key that asks for far too much delay another: `python -m benchmarks.neighbor`. The last line is JSON.

The noisy key has a rate limit, and asks for several times as much, its whole burst included. The other asks at a steady
rate and gets every answer: measured is how long each takes it, alone and beside the noisy one, in turns.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import httpx2
import numpy as np
from redis import Redis

from api.callers import Scope
from api.key_store import RedisKeys
from benchmarks.command_line import count, run_in_folder
from benchmarks.flood import authorize, measure_latencies
from benchmarks.report import render_json
from benchmarks.service import free_port
from benchmarks.warm_process import Deadline, MeasurementFailed, WarmProcess, answer_orders
from shared.settings import Settings
from standalone.stack import Stack, running_stack

_MODULE = "benchmarks.neighbor"
MODEL = "gender"
#: What the noisy key may ask for, and what it asks for.
RATE_LIMIT = 50.0
NOISE_PER_SECOND = 400
PHASE_SECONDS = 20.0
_PERCENTS = (50, 95)
_WARMING_SECONDS = 2.0
_RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
_REQUEST_SECONDS = 30.0
_START_SECONDS = 60.0
#: A generator that falls so far behind its rate floods nobody.
_LEAST_SHARE = 0.9


async def make_noise(url: str, api_key: str, seconds: float) -> None:
    """Submit at a fixed rate for so long, whatever the answers; raises MeasurementFailed if most are not refusals."""
    limits = httpx2.Limits(max_connections=64)
    async with httpx2.AsyncClient(
        base_url=url, timeout=_REQUEST_SECONDS, limits=limits, headers=authorize(api_key)
    ) as http:
        began = time.monotonic()
        asked = []
        for number in range(int(seconds * NOISE_PER_SECOND)):
            await asyncio.sleep(max(0.0, began + number / NOISE_PER_SECOND - time.monotonic()))
            asked.append(asyncio.create_task(http.post("/v1/predictions", json={"input": _RECORD})))
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*asked))
        took = time.monotonic() - began
    sys.stderr.write(f"the noisy key asked {len(asked) / took:,.0f} times a second: {dict(statuses)}\n")
    if set(statuses) != {202, 429} or statuses[429] < statuses[202] or took * _LEAST_SHARE > seconds:
        raise MeasurementFailed(f"that was no flood: {dict(statuses)} in {took:.1f} s")


def measure_neighbor(stack: Stack, settings: Settings, *, rounds: int) -> dict[str, float]:
    """Return medians over the rounds of p50 and p95 in seconds, alone and beside the noisy key, and the ratios."""
    with Redis.from_url(stack.store_url) as store:
        keys = RedisKeys(store, settings)
        _, steady = keys.create("steady", scopes=[Scope.PREDICT])
        noisy = [
            keys.create(f"noisy {number}", scopes=[Scope.PREDICT], requests_per_second=RATE_LIMIT)[1]
            for number in range(rounds)
        ]
    seconds: dict[str, list[float]] = {f"{phase}_p{part}": [] for phase in ("alone", "beside") for part in _PERCENTS}
    measure_latencies(stack.url, MODEL, _WARMING_SECONDS, api_key=steady)
    # A key for each round, so that each begins with a full bucket.
    for api_key in noisy:
        _note(seconds, "alone", measure_latencies(stack.url, MODEL, PHASE_SECONDS, api_key=steady))
        with WarmProcess.run(_MODULE, "noise", stack.url, api_key, deadline=Deadline(_START_SECONDS)) as noise:
            noise.go(str(PHASE_SECONDS))
            _note(seconds, "beside", measure_latencies(stack.url, MODEL, PHASE_SECONDS, api_key=steady))
            noise.expect("done", Deadline(_START_SECONDS))
    medians = {name: median(values) for name, values in seconds.items()}
    ratios = {f"p{part}_ratio": round(medians[f"beside_p{part}"] / medians[f"alone_p{part}"], 3) for part in _PERCENTS}
    return {f"{name}_seconds": round(value, 5) for name, value in medians.items()} | ratios


def _note(seconds: dict[str, list[float]], phase: str, latencies: Sequence[float]) -> None:
    for part in _PERCENTS:
        seconds[f"{phase}_p{part}"].append(float(np.percentile(latencies, part)))


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the figures as a line of JSON; 1 when nothing was flooded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.neighbor", description=__doc__)
    parser.add_argument("--rounds", type=count, default=3)
    options = parser.parse_args(arguments)
    return run_in_folder(lambda folder: _measure(folder, options.rounds), prefix="rowcall-neighbor-")


def _measure(folder: Path, rounds: int) -> None:
    settings = Settings(port=free_port(), data_dir=folder, workers=1, require_keys=True)
    with running_stack(settings) as stack:
        sys.stdout.write(render_json(measure_neighbor(stack, settings, rounds=rounds)) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["noise"]:
        answer_orders(lambda order: asyncio.run(make_noise(sys.argv[2], sys.argv[3], float(order))))
    else:
        sys.exit(main(sys.argv[1:]))
