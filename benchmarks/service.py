"""Our own service, end to end over HTTP: a fresh stack, one upload, one download."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measure import Measurement, ProcessWatch, read_states
from benchmarks.people_file import PeopleFile, write_people_file
from benchmarks.warm_process import Deadline, MeasurementFailed
from shared.settings import Settings
from standalone.stack import Stack, running_stack

_PIECE_BYTES = 1 << 20
#: How often a batch is asked for: half of it is lost on average, and each question costs the machine a millisecond.
POLL_SECONDS = 0.05
_SOCKET_SECONDS = 60.0
_FINAL = ("completed", "failed", "canceled", "expired")
_WARM_UP_ROWS = 2_000


class BatchClient:
    """The cheapest client there is, because it works on the same cores as what it measures."""

    def __init__(self, url: str, model: str) -> None:
        self._address = urlsplit(url).netloc
        self._model = model

    def upload(self, path: Path) -> str:
        """Send a file and return the id of its batch; raises MeasurementFailed."""
        headers = {"Content-Type": "text/csv", "Content-Length": str(path.stat().st_size)}
        with path.open("rb") as file, self._answer("POST", f"/v1/batches?model={self._model}", file, headers) as answer:
            document = json.load(answer)
            if answer.status != http.client.ACCEPTED:
                raise MeasurementFailed(f"the upload was refused: {document}")
            return str(document["id"])

    def wait(self, batch_id: str, deadline: Deadline) -> dict[str, Any]:
        """Return the document of a batch once it is completed; raises MeasurementFailed."""
        while True:
            document = self.read(batch_id)
            if document["status"] == "completed":
                return document
            if document["status"] in _FINAL:
                raise MeasurementFailed(f"the batch is {document['status']}: {document['error']}")
            time.sleep(min(POLL_SECONDS, deadline.remaining_seconds()))

    def read(self, batch_id: str) -> dict[str, Any]:
        """Return the document of a batch."""
        with self._answer("GET", f"/v1/batches/{batch_id}") as answer:
            document: dict[str, Any] = json.load(answer)
            return document

    def cancel(self, batch_id: str) -> None:
        """Cancel a batch, unless it has ended."""
        with self._answer("POST", f"/v1/batches/{batch_id}/cancel") as answer:
            answer.read()

    def download(self, batch_id: str, target: Path, deadline: Deadline) -> None:
        """Write the results to a file; raises MeasurementFailed when they are not complete."""
        with self._answer("GET", f"/v1/batches/{batch_id}/results") as answer, target.open("wb") as file:
            if answer.status != http.client.OK or answer.headers["X-Complete"] != "true":
                raise MeasurementFailed(f"the results were refused or are not complete: {answer.status}")
            while piece := answer.read(_PIECE_BYTES):
                file.write(piece)
                deadline.remaining_seconds()
            if answer.length:
                raise MeasurementFailed(f"the results ended {answer.length} bytes too early")

    @contextmanager
    def _answer(self, method: str, path: str, body: Any = None, headers: Any = None) -> Iterator[Any]:
        connection = http.client.HTTPConnection(self._address, timeout=_SOCKET_SECONDS, blocksize=_PIECE_BYTES)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise MeasurementFailed(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()


@contextmanager
def warm_stack(
    models_dir: Path, folder: Path, *, model: str, bulk_workers: int, deadline: Deadline
) -> Iterator[tuple[Stack, BatchClient]]:
    """Start a fresh stack with the default settings, and let each of its workers score a little."""
    settings = Settings(
        port=free_port(), data_dir=folder / "stack", models_dir=models_dir, workers=1, bulk_workers=bulk_workers
    )
    with running_stack(settings) as stack:
        client = BatchClient(stack.url, model)
        sample = write_people_file(folder / "warm_up.csv", _WARM_UP_ROWS, seed=0, bad_ratio=0.01)
        # At once, because one after the other the same worker would split every file and another score it.
        for batch_id in [client.upload(sample.path) for _ in range(4 * bulk_workers)]:
            client.wait(batch_id, deadline)
        yield stack, client


def score_over_http(
    people: PeopleFile, target: Path, *, models_dir: Path, model: str, bulk_workers: int, deadline: Deadline
) -> Measurement:
    """Upload, wait, download; the seconds run from the first byte sent to the last byte written."""
    folder = target.with_suffix(".service")
    folder.mkdir()
    with warm_stack(models_dir, folder, model=model, bulk_workers=bulk_workers, deadline=deadline) as (stack, client):
        with ProcessWatch(process_names(stack)) as watch:
            moments = [time.perf_counter()]
            batch_id = client.upload(people.path)
            moments.append(time.perf_counter())
            document = client.wait(batch_id, deadline)
            moments.append(time.perf_counter())
            client.download(batch_id, target, deadline)
            moments.append(time.perf_counter())
        if document["counts"]["failed"] != people.bad_rows:
            raise MeasurementFailed(f"{document['counts']} where {people.bad_rows} rows are bad")
    upload, score, download = (after - before for before, after in pairwise(moments))
    return watch.measurement(people.rows, {"upload": upload, "score": score, "download": download})


def process_names(stack: Stack) -> dict[int, str]:
    """Return process id → name, of the process manager too."""
    names = {process.pid: process.name for process in stack.processes() if process.pid}
    states = read_states()
    managers = {states[pid].parent: "supervisor" for pid in names if pid in states}
    return managers | names


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
