"""A file of a million rows while workers and server are killed; minutes, so only on request."""

import io
import signal
import threading
from itertools import cycle
from pathlib import Path

import httpx2
import joblib
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.test_batches import submit, wait
from tests.acceptance.test_faults import signal_processes
from training.dataset import draw_people

ROWS = 1_000_000


def kill_now_and_then(stack: Stack, stop: threading.Event) -> None:
    """Kill whoever splits the file and the server at once, then one bulk worker or the other each 2 s."""
    for victim in ("bulk-worker", "store"):
        signal_processes(stack, victim, signal.SIGKILL)
    for victim in cycle(("bulk-worker-0", "bulk-worker-1")):
        if stop.wait(2.0):
            return
        signal_processes(stack, victim, signal.SIGKILL)


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path) -> Settings:
    """Small chunks, so that there are many steps to interrupt."""
    return Settings(
        port=free_port(),
        data_dir=tmp_path,
        models_dir=models_dir,
        lease_seconds=2.0,
        workers=1,
        bulk_workers=2,
        chunk_bytes=64_000,
    )


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_rows_come_back_though_workers_are_killed_every_two_seconds(settings: Settings, root: Path) -> None:
    people, _ = draw_people(ROWS, seed=11)
    people = people[:ROWS]
    lines = io.BytesIO()
    csv.write_csv(
        pa.table(
            {"id": pa.array(np.arange(ROWS)), **dict(zip(("height", "weight", "shoe_size"), people.T, strict=True))}
        ),
        lines,
    )
    stop = threading.Event()
    with running_stack(settings) as stack, httpx2.Client(base_url=stack.url, timeout=120) as http:
        killing = threading.Thread(target=kill_now_and_then, args=(stack, stop))
        url = submit(http, lines.getvalue()).headers["Location"]
        killing.start()
        batch = wait(http, url, seconds=400)
        stop.set()
        killing.join()
        results = csv.read_csv(io.BytesIO(http.get(url + "/results").content))

    estimator = joblib.load(root / "models" / "gender" / "1" / "model.joblib")
    expected = estimator.predict_proba(people)
    assert batch["counts"] == {"total": ROWS, "succeeded": ROWS, "failed": 0, "pending": 0}
    assert results["id"].to_numpy().tolist() == list(range(ROWS))
    assert (results["probability_female"].to_numpy() == expected[:, 0]).all()
    assert (results["probability_male"].to_numpy() == expected[:, 1]).all()
