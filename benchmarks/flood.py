"""Do files delay single predictions: their latencies on a quiet stack, while chunks wait, and while files are sent."""

import http.client
import json
import math
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
PHASES = ("quiet", "flood", "upload")
PERCENTS = (50, 99)
#: Faster than one bulk worker has been seen to score, so that a flood lasts for its phase.
MOST_ROWS_PER_SECOND = 2_000_000
#: Files that wait or are scored at any moment while files are sent.
FILES_AT_ONCE = 3
_THREADS = 32
_REQUEST_SECONDS = 30.0
#: Longest wait for a stack to get warm, for the first files of a flood to be in, and for its last to be scored.
_FLOOD_SECONDS = 120.0
_RECORD = json.dumps({"height": 181, "weight": 80, "shoe_size": 44})


class PredictClient:
    """Asks for single predictions, with one connection for each thread, and with an API key where one is given."""

    def __init__(self, url: str, model: str, *, api_key: str | None = None) -> None:
        self._headers = {"Content-Type": "application/json"} | authorize(api_key)
        self._address = urlsplit(url).netloc
        self._path = f"/v1/models/{model}/predict"
        self._held = local()

    def predict(self, scheduled: float) -> float:
        """Return the seconds from the moment when the request should have been sent until it was answered."""
        if not hasattr(self._held, "connection"):
            self._held.connection = http.client.HTTPConnection(self._address, timeout=_REQUEST_SECONDS)
        connection: http.client.HTTPConnection = self._held.connection
        connection.request("POST", self._path, _RECORD, self._headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise MeasurementFailed(f"a prediction was answered with {answer.status}: {body[:200]!r}")
        return time.perf_counter() - scheduled


def authorize(api_key: str | None) -> dict[str, str]:
    """Return the headers that show a key."""
    return {} if api_key is None else {"Authorization": f"Bearer {api_key}"}


def measure_latencies(url: str, model: str, seconds: float, *, api_key: str | None = None) -> list[float]:
    """Send requests at a fixed rate, whether or not earlier ones are answered; return how long each took."""
    client = PredictClient(url, model, api_key=api_key)
    with ThreadPoolExecutor(_THREADS) as threads:
        started = time.perf_counter()
        answers = []
        for number in range(int(seconds * REQUESTS_PER_SECOND)):
            scheduled = started + number / REQUESTS_PER_SECOND
            time.sleep(max(0.0, scheduled - time.perf_counter()))
            answers.append(threads.submit(client.predict, scheduled))
        return [answer.result(_REQUEST_SECONDS) for answer in answers]


@contextmanager
def flooding(client: BatchClient, people: PeopleFile) -> Iterator[None]:
    """Have more chunks wait than can be scored while the block runs; raises MeasurementFailed when they ran out."""
    batch_ids = [client.upload(people.path) for _ in range(files_of_a_flood(people.rows))]
    try:
        yield
        if client.read(batch_ids[-1])["completed_at"] is not None:
            raise MeasurementFailed("the flood ran dry: every file was scored before the measurement ended")
    finally:
        for batch_id in batch_ids:
            client.cancel(batch_id)


def files_of_a_flood(rows: int) -> int:
    """Return how many files of so many rows keep a bulk worker busy for a phase."""
    return math.ceil(PHASE_SECONDS * MOST_ROWS_PER_SECOND / rows)


@contextmanager
def uploading(url: str, model: str, people: PeopleFile) -> Iterator[None]:
    """Keep sending files for the time of the block, from a process of its own."""
    with WarmProcess.run("benchmarks.flood", url, model, people.path, deadline=Deadline(_FLOOD_SECONDS)) as sender:
        yield
        sender.require_running()


def measure_flood(people: PeopleFile, folder: Path, models_dir: Path, *, model: str, rounds: int) -> dict[str, float]:
    """Return medians of p50 and p99 in seconds, quiet, flooded and with uploads, and the ratios of the p99."""
    seconds: dict[str, list[float]] = {f"{phase}_p{percent}": [] for phase in PHASES for percent in PERCENTS}
    deadline = Deadline(_FLOOD_SECONDS)
    with warm_stack(models_dir, folder, model=model, bulk_workers=1, deadline=deadline) as (stack, client):
        measure_latencies(stack.url, model, 2.0)
        for _ in range(rounds):
            _note(seconds, "quiet", measure_latencies(stack.url, model, PHASE_SECONDS))
            with flooding(client, people):
                _note(seconds, "flood", measure_latencies(stack.url, model, PHASE_SECONDS))
            _wait_until_calm(client, people)
            with uploading(stack.url, model, people):
                _note(seconds, "upload", measure_latencies(stack.url, model, PHASE_SECONDS))
            _wait_until_calm(client, people)
    medians = {name: median(values) for name, values in seconds.items()}
    ratios = {f"{phase}_p99_ratio": round(medians[f"{phase}_p99"] / medians["quiet_p99"], 3) for phase in PHASES[1:]}
    return {f"{name}_seconds": round(value, 5) for name, value in medians.items()} | ratios


def _note(seconds: dict[str, list[float]], phase: str, latencies: list[float]) -> None:
    for percent in PERCENTS:
        seconds[f"{phase}_p{percent}"].append(float(np.percentile(latencies, percent)))


def _wait_until_calm(client: BatchClient, people: PeopleFile) -> None:
    """Return when what was sent before is done: a batch sent now is done after it."""
    client.wait(client.upload(people.path), Deadline(_FLOOD_SECONDS))


def send_for_ever(url: str, model: str, path: Path) -> None:
    """Send a file as soon as there are fewer unfinished than at most, until somebody ends this process."""
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
    send_for_ever(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
