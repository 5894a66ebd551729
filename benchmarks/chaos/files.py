"""Files scored under the faults: each must come back once, every row in its place and right to the last bit."""

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.chaos.history import READ_AGAIN_SECONDS
from benchmarks.chaos.web_client import NoAnswer, WebAnswer, WebClient
from benchmarks.people_file import COLUMNS, FEATURE_COLUMNS, PeopleFile, write_people_file

ROWS = 40_000
#: After the load, a file must be complete in this time.
FINISH_SECONDS = 300.0
_PAUSE_SECONDS = 0.5
_FINAL = ("completed", "failed", "canceled", "expired")
_MODEL = "gender"


class FileRuns:
    """Uploads one file after the other, and checks what comes back."""

    def __init__(self, ports: Sequence[int], artifact: Path, folder: Path, *, files: int, seed: int) -> None:
        self._clients = [WebClient(port) for port in ports]
        self._turns = count()
        self._estimator = joblib.load(artifact)
        self._folder = folder
        self._files = files
        self._seed = seed
        self._until = float("inf")
        names = ("bulk_files", "bulk_rows", "bulk_bad_files")
        self.found: Counter[str] = Counter(dict.fromkeys(names, 0) if files else {})
        #: What was bad, in words.
        self.problems: list[str] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait until all files are checked; one that is not complete by then is bad."""
        self._until = time.monotonic() + FINISH_SECONDS
        self._thread.join()

    def _run(self) -> None:
        for number in range(self._files):
            people = write_people_file(self._folder / f"people-{number}.csv", ROWS, seed=self._seed + number)
            problem = self._score(people)
            self.found["bulk_files"] += 1
            if problem is None:
                self.found["bulk_rows"] += people.rows
            else:
                self.found["bulk_bad_files"] += 1
                self.problems.append(f"file {number}: {problem}")

    def _score(self, people: PeopleFile) -> str | None:
        """Return what is bad about the results of a file, or None."""
        answer = self._insist("POST", f"/v1/batches?model={_MODEL}", people.path.read_bytes(), accept=(202,))
        if answer is None:
            return "it was never accepted"
        url = f"/v1/batches/{json.loads(answer.body)['id']}"
        document = self._wait(url)
        if document is None or document["status"] != "completed":
            return f"it ended {document and document['status']}"
        first = self._insist("GET", f"{url}/results")
        time.sleep(READ_AGAIN_SECONDS)
        second = self._insist("GET", f"{url}/results")
        if first is None or second is None:
            return "its results could not be read twice"
        if hashlib.sha256(first.body).digest() != hashlib.sha256(second.body).digest():
            return "its results changed"
        return find_problem(people.path, first.body, self._estimator)

    def _wait(self, url: str) -> Mapping[str, Any] | None:
        """Return the document of a batch once it is final, or None when that takes too long."""
        while True:
            answer = self._insist("GET", url)
            if answer is None:
                return None
            document: dict[str, Any] = json.loads(answer.body)
            if document["status"] in _FINAL:
                return document
            time.sleep(_PAUSE_SECONDS)

    def _insist(
        self, method: str, path: str, body: bytes | None = None, *, accept: tuple[int, ...] = (200,)
    ) -> WebAnswer | None:
        """Ask one API process after the other until one gives the answer that is wanted; None when time is over.

        An upload without an answer may leave a second batch behind, which is nobody's.
        """
        headers = {"Content-Type": "text/csv"} if body is not None else {}
        while time.monotonic() < self._until:
            try:
                answer = self._clients[next(self._turns) % len(self._clients)].ask(method, path, body, headers)
            except NoAnswer:
                answer = None
            if answer is not None and answer.status in accept:
                return answer
            time.sleep(_PAUSE_SECONDS)
        return None


def find_problem(source: Path, results: bytes, estimator: Any) -> str | None:
    """Return the first thing that is wrong with the results of a file of good rows, or None when every row is right."""
    given, found = csv.read_csv(source), csv.read_csv(pa.BufferReader(results))
    if found.num_rows != given.num_rows:
        return f"{found.num_rows} rows came back of {given.num_rows}"
    for name in COLUMNS:
        if not found[name].equals(given[name]):
            return f"the column {name} is another"
    expected = estimator.predict_proba(np.column_stack([given[name].to_numpy() for name in FEATURE_COLUMNS]))
    for column, label in zip(expected.T, estimator.classes_, strict=True):
        differing = np.flatnonzero(found[f"probability_{label}"].to_numpy() != column)
        if len(differing):
            return f"the probability of {label} is another in {len(differing)} rows, such as row {differing[0] + 1}"
    best = estimator.classes_[expected.argmax(axis=1)].tolist()
    if found["prediction"].to_pylist() != best:
        return "a prediction is another"
    return None
