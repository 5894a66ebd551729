"""Bulk scoring as people write it with Celery: tasks of 1,000 JSON rows, and the client joins the results in order.

Kept as small as such code is; it is what we compare with, not an example to follow.
"""

import csv
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import joblib
from celery import Celery

from benchmarks.warm_process import answer_orders

TASK_ROWS = 1_000
FEATURES = ("height", "weight", "shoe_size")
_WARM_UP_TASKS = 8


def make_app(url: str) -> Celery:
    """Return the application; the queue and the results lie on the same server."""
    return Celery("naive", broker=url, backend=url, broker_connection_retry_on_startup=True)


def run_worker(url: str, artifact: str, processes: str) -> None:
    """Serve the task with as many pool processes; Celery's defaults otherwise."""
    app = make_app(url)
    estimator = joblib.load(artifact)
    classes = estimator.classes_.tolist()

    @app.task(name="predict_rows")  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict_rows(rows: list[dict[str, float]]) -> list[dict[str, Any]]:
        probabilities = estimator.predict_proba([[row[name] for name in FEATURES] for row in rows])
        return [
            {"prediction": classes[values.argmax()], "probabilities": values.tolist(), "classes": classes}
            for values in probabilities
        ]

    app.worker_main(["worker", "--loglevel=WARNING", "--pool=prefork", f"--concurrency={processes}"])


def score_file(app: Celery, source: Path, target: Path) -> None:
    """Send every row, then collect the answers in order."""
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    requests = [{name: float(row[name]) for name in FEATURES} for row in rows]
    tasks = [app.send_task("predict_rows", [part]) for part in _parts(requests)]
    with target.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        remaining = iter(rows)
        for number, task in enumerate(tasks):
            answers = task.get()
            if number == 0:
                names = [f"probability_{label}" for label in answers[0]["classes"]]
                writer.writerow([*rows[0], "prediction", *names, "row_status", "error_code", "error_message"])
            for row, answer in zip(islice(remaining, len(answers)), answers, strict=True):
                writer.writerow([*row.values(), answer["prediction"], *answer["probabilities"], "ok", "", ""])


def _parts(requests: list[dict[str, float]]) -> Iterator[list[dict[str, float]]]:
    for first in range(0, len(requests), TASK_ROWS):
        yield requests[first : first + TASK_ROWS]


def run_client(url: str, source: str, target: str) -> None:
    """Wait until the workers answer, then score the file whenever told to."""
    app = make_app(url)
    row = {"height": 181.0, "weight": 80.0, "shoe_size": 44.0}
    for task in [app.send_task("predict_rows", [[row] * TASK_ROWS]) for _ in range(_WARM_UP_TASKS)]:
        task.get()
    answer_orders(lambda _order: score_file(app, Path(source), Path(target)))


if __name__ == "__main__":
    {"worker": run_worker, "client": run_client}[sys.argv[1]](*sys.argv[2:])
