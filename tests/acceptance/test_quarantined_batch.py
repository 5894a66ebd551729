"""A file with more deadly rows than one chunk may cost is set aside, and ends well once the cause is mended."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from pydantic import SecretStr

from shared.settings import Settings
from standalone.stack import running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.moody_model import MOOD, publish_moody_model
from tests.models import KILLS_THE_PROCESS, FragileClassifier
from training.publish import publish_model

TOKEN = "an operator's own token"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
CALM_ROW = ["calm", "0.75", "0.25", "ok", "", ""]
ROWS = 600
#: A single row that kills costs two attempts by itself, and a chunk has twenty.
DEADLY_ROWS = range(400, 430)


@pytest.fixture
def fault(tmp_path: Path) -> Path:
    """What makes rows deadly while it is there."""
    path = tmp_path / "fault"
    path.touch()
    return path


@pytest.fixture
def http(tmp_path: Path, fault: Path) -> Iterator[httpx2.Client]:
    """Talks to a stack of the test's own, because its workers are about to die."""
    models_dir = tmp_path / "models"
    publish_moody_model(models_dir)
    estimator = FragileClassifier(str(fault)).fit(np.zeros((2, 1)), ["calm", "wild"])
    publish_model(estimator, name="fragile", version="1", features=[MOOD], models_dir=models_dir)
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path / "data",
        models_dir=models_dir,
        workers=1,
        bulk_workers=2,
        lease_seconds=1.0,
        chunk_bytes=500,
        operator_token=SecretStr(TOKEN),
    )
    with running_stack(settings) as stack, httpx2.Client(base_url=stack.url, timeout=70.0) as client:
        yield client


def submit(http: httpx2.Client, model: str, document: bytes) -> str:
    answer = http.post("/v1/batches", params={"model": model}, content=document, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 202
    return answer.headers["Location"]


def read_final(http: httpx2.Client, url: str, *, seconds: float) -> dict[str, Any]:
    """Return a batch when it is final; workers that die need some seconds to come back."""
    until = time.monotonic() + seconds
    while True:
        batch: dict[str, Any] = http.get(url, headers={"Prefer": "wait=20"}).json()
        if batch["status"] in ("completed", "failed", "canceled", "expired"):
            return batch
        assert time.monotonic() < until, batch


def predict(http: httpx2.Client) -> Any:
    return http.post("/v1/models/moody/predict", json={"mood": 1.0}).json()["prediction"]


def read_added(http: httpx2.Client, url: str) -> list[list[str]]:
    """Return what scoring added to each row."""
    return [cells[1:] for cells in csv.reader(http.get(f"{url}/results").text.splitlines()[1:])]


@pytest.mark.timeout(300)
def test_a_file_that_exhausts_a_chunk_is_set_aside_and_redriven_while_no_neighbor_suffers(
    http: httpx2.Client, fault: Path
) -> None:
    moods = [int(KILLS_THE_PROCESS) if row in DEADLY_ROWS else 1 for row in range(ROWS)]
    document = b"mood\n" + b"".join(b"%d\n" % mood for mood in moods)
    url = submit(http, "fragile", document)
    neighbor = submit(http, "moody", b"mood\n" + b"1\n" * ROWS)

    predicted = predict(http)
    failed = read_final(http, url, seconds=200)
    (aside,) = http.get("/v1/quarantine", headers=OPERATOR).json()["data"]
    shown = http.get(aside["urls"]["get"], headers=OPERATOR).json()
    done_before = read_added(http, url)

    fault.unlink()
    redriven = http.post(aside["urls"]["redrive"], headers=OPERATOR)
    completed = read_final(http, url, seconds=60)

    assert (failed["status"], failed["error"]["code"]) == ("failed", "worker_died")
    assert (aside["step"]["batch_id"], aside["step"]["kind"], aside["attempt"]) == (failed["id"], "chunk", 20)
    first_row, rows = shown["chunk"]["first_row"], shown["chunk"]["rows"]
    assert first_row <= DEADLY_ROWS.start + 1 < first_row + rows
    assert (redriven.status_code, redriven.json()["redriven_as"]) == (202, failed["id"])
    assert (completed["status"], completed["outcome"]) == ("completed", "all_succeeded")
    assert read_added(http, url) == [CALM_ROW] * ROWS
    assert done_before == [CALM_ROW] * (first_row - 1)
    assert http.get("/v1/quarantine", headers=OPERATOR).json()["data"] == []
    assert predicted == "calm"
    assert read_final(http, neighbor, seconds=60)["outcome"] == "all_succeeded"
    assert read_added(http, neighbor) == [CALM_ROW] * ROWS
