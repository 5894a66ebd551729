"""Does a flood of files delay single predictions: their latencies on a quiet stack and on a flooded one."""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import local
from urllib.parse import urlsplit

import numpy as np

from benchmarks.people_file import PeopleFile
from benchmarks.service import BatchClient, warm_stack
from benchmarks.warm_process import Deadline, MeasurementFailed, WarmProcess, say_ready

REQUESTS_PER_SECOND = 20
PHASE_SECONDS = 20.0
#: Files that wait or are scored at any moment of a flood.
FILES_AT_ONCE = 3
_THREADS = 32
_REQUEST_SECONDS = 30.0
#: Longest wait for a stack to get warm, for the first files of a flood to be in, and for its last to be scored.
_FLOOD_SECONDS = 120.0
_RECORD = json.dumps({"height": 181, "weight": 80, "shoe_size": 44})


class PredictClient:
    """Asks for single predictions, with one connection for each thread."""

    def __init__(self, url: str, model: str) -> None:
        self._address = urlsplit(url).netloc
        self._path = f"/v1/models/{model}/predict"
        self._held = local()

    def predict(self, scheduled: float) -> float:
        """Return the seconds from the moment when the request should have been sent until it was answered."""
        if not hasattr(self._held, "connection"):
            self._held.connection = http.client.HTTPConnection(self._address, timeout=_REQUEST_SECONDS)
        connection: http.client.HTTPConnection = self._held.connection
        connection.request("POST", self._path, _RECORD, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise MeasurementFailed(f"a prediction was answered with {answer.status}: {body[:200]!r}")
        return time.perf_counter() - scheduled


def measure_latencies(url: str, model: str, seconds: float) -> list[float]:
    """Send requests at a fixed rate, whether or not earlier ones are answered; return how long each took."""
    client = PredictClient(url, model)
    with ThreadPoolExecutor(_THREADS) as threads:
        started = time.perf_counter()
        answers = []
        for number in range(int(seconds * REQUESTS_PER_SECOND)):
            scheduled = started + number / REQUESTS_PER_SECOND
            time.sleep(max(0.0, scheduled - time.perf_counter()))
            answers.append(threads.submit(client.predict, scheduled))
        return [answer.result(_REQUEST_SECONDS) for answer in answers]


@contextmanager
def flooding(url: str, model: str, people: PeopleFile) -> Iterator[None]:
    """Keep the bulk lane full for the time of the block, from a process of its own."""
    with WarmProcess.run("benchmarks.flood", url, model, people.path, deadline=Deadline(_FLOOD_SECONDS)) as flood:
        yield
        flood.require_running()


def measure_flood(people: PeopleFile, folder: Path, models_dir: Path, *, model: str, rounds: int) -> dict[str, float]:
    """Return the medians over the rounds of p50 and p99, quiet and flooded, in seconds, and the ratio of the p99."""
    seconds: dict[str, list[float]] = {name: [] for name in ("quiet_p50", "quiet_p99", "flood_p50", "flood_p99")}
    deadline = Deadline(_FLOOD_SECONDS)
    with warm_stack(models_dir, folder, model=model, bulk_workers=1, deadline=deadline) as (stack, _client):
        measure_latencies(stack.url, model, 2.0)
        for _ in range(rounds):
            _note(seconds, "quiet", measure_latencies(stack.url, model, PHASE_SECONDS))
            with flooding(stack.url, model, people):
                _note(seconds, "flood", measure_latencies(stack.url, model, PHASE_SECONDS))
            _wait_until_calm(stack.url, model, people, deadline=Deadline(_FLOOD_SECONDS))
    medians = {f"{name}_seconds": round(median(values), 5) for name, values in seconds.items()}
    ratio = median(seconds["flood_p99"]) / median(seconds["quiet_p99"])
    return {**medians, "flood_p99_ratio": round(ratio, 3)}


def _note(seconds: dict[str, list[float]], phase: str, latencies: list[float]) -> None:
    for percent in (50, 99):
        seconds[f"{phase}_p{percent}"].append(float(np.percentile(latencies, percent)))


def _wait_until_calm(url: str, model: str, people: PeopleFile, *, deadline: Deadline) -> None:
    """Return when what the flood left behind is scored: a batch sent now is done after it."""
    client = BatchClient(url, model)
    client.wait(client.upload(people.path), deadline)


def flood_for_ever(url: str, model: str, path: Path) -> None:
    """Keep as many files unfinished as a flood has, until somebody ends this process."""
    client = BatchClient(url, model)
    unfinished = [client.upload(path) for _ in range(FILES_AT_ONCE)]
    say_ready()
    while True:
        unfinished = [batch_id for batch_id in unfinished if client.read(batch_id)["completed_at"] is None]
        if len(unfinished) < FILES_AT_ONCE:
            unfinished.append(client.upload(path))
        else:
            time.sleep(0.1)


if __name__ == "__main__":
    flood_for_ever(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
