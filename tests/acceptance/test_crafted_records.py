"""Whoever can write to the store is trusted with data, and not with code: one crafted record disturbs nobody else."""

import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.test_refusal import LeavesAMark
from tests.acceptance.waiting import wait_until

#: Stands for what belongs to whoever sent a job.
CANARY = "canary-7f3a"
ROOT = "{rowcall}:"
PERSON = {"height": 190, "weight": 70, "shoe_size": 43}
CSV = "height,weight,shoe_size\n" + "190,70,43\n" * 20
WAIT = {"Prefer": "wait=30"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        lease_seconds=2.0,
        workers=1,
        bulk_workers=1,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def store(stack: Stack) -> Iterator[Redis]:
    with Redis.from_url(stack.store_url) as client:
        yield client


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "mark"


@pytest.fixture
def poison(mark: Path) -> bytes:
    """What would leave a mark if anybody unpickled it."""
    return pickle.dumps(LeavesAMark(mark)) + CANARY.encode()


def pids(stack: Stack) -> dict[str, int | None]:
    return {process.name: process.pid for process in stack.processes()}


def logs(stack: Stack) -> str:
    return "".join(path.read_text() for path in stack.logs_dir.glob("*.log"))


def end_prediction(http: httpx2.Client) -> str:
    return str(http.post("/v1/predictions", json={"model": "gender", "input": PERSON}, headers=WAIT).json()["id"])


def end_batch(http: httpx2.Client) -> str:
    accepted = http.post("/v1/batches?model=gender", content=CSV, headers={"Content-Type": "text/csv"})
    return str(http.get(accepted.headers["Location"], headers=WAIT).json()["id"])


def code(response: httpx2.Response) -> tuple[int, Any]:
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    ("field", "is_listed"),
    # A list tells nothing of the outcome of a job that succeeded.
    [("spec", False), ("status", False), ("attempt", False), ("created", False), ("outcome", True)],
)
def test_a_prediction_whose_record_cannot_be_read_is_a_plain_error_and_hides_no_other(
    stack: Stack, http: httpx2.Client, store: Redis, poison: bytes, mark: Path, field: str, is_listed: bool
) -> None:
    bad, good = end_prediction(http), end_prediction(http)
    store.hset(f"{ROOT}job:{bad}", field, poison)

    answer = http.get(f"/v1/predictions/{bad}")
    listed = [job["id"] for job in http.get("/v1/predictions?limit=100").json()["data"]]

    assert code(answer) == (500, "internal_error")
    assert (good in listed, bad in listed) == (True, is_listed)
    assert CANARY not in answer.text
    assert f"the record of job {bad} cannot be read" in logs(stack)
    assert CANARY not in logs(stack)
    assert not mark.exists()


@pytest.mark.parametrize("field", ["spec", "status", "rows_done"])
def test_a_batch_whose_record_cannot_be_read_is_a_plain_error_and_hides_no_other(
    stack: Stack, http: httpx2.Client, store: Redis, poison: bytes, mark: Path, field: str
) -> None:
    bad, good = end_batch(http), end_batch(http)
    store.hset(f"{ROOT}batch:{bad}", field, poison)

    answers = [http.get(f"/v1/batches/{bad}{rest}") for rest in ("", "/results", "/errors")]
    listed = [batch["id"] for batch in http.get("/v1/batches?limit=100").json()["data"]]

    assert [code(answer) for answer in answers] == [(500, "internal_error")] * 3
    assert (good in listed, bad in listed) == (True, False)
    assert f"the record of batch {bad} cannot be read" in logs(stack)
    assert CANARY not in logs(stack)
    assert not mark.exists()


def test_a_batch_whose_parts_cannot_be_read_is_a_plain_error(
    stack: Stack, http: httpx2.Client, store: Redis, poison: bytes, mark: Path
) -> None:
    bad = end_batch(http)
    store.hset(f"{ROOT}batch:{bad}:parts", "0", poison)

    answer = http.get(f"/v1/batches/{bad}/results")

    assert code(answer) == (500, "internal_error")
    assert CANARY not in logs(stack)
    assert not mark.exists()


def test_open_jobs_that_cannot_be_read_are_left_alone_and_the_others_are_answered(
    stack: Stack, http: httpx2.Client, store: Redis, poison: bytes, mark: Path
) -> None:
    before = pids(stack)
    whole: Any = store.hgetall(f"{ROOT}job:{end_prediction(http)}")
    job = {**whole, b"status": b"queued", b"deadline": str(time.time() + 3_600).encode()}
    strange: dict[str, Any] = {
        "prd_poison": job | {b"spec": poison},
        "prd_text": job | {b"spec": json.dumps(CANARY).encode()},
        "prd_attempt": job | {b"attempt": CANARY.encode()},
        "prd_lane": {name: text for name, text in job.items() if name != b"lane"},
        "prd_empty": {b"spec": poison},
    }
    for name, fields in strange.items():
        store.hset(f"{ROOT}job:{name}", mapping=fields)
        store.zadd(f"{ROOT}queued:interactive", {name: 1.0})
        store.zadd(f"{ROOT}running", {name: 1.0})
    store.set(f"{ROOT}job:prd_no_hash", poison)
    store.zadd(f"{ROOT}deadlines", {"prd_no_hash": 1.0})
    lost = make_lost_job(http, store)

    answered = http.get(f"/v1/predictions/{lost}", headers=WAIT).json()

    wait_until(lambda: store.zcard(f"{ROOT}running") == 0, seconds=30)
    assert answered["status"] == "succeeded"
    assert all(f'"job_id": "{name}"' in logs(stack) for name in ("prd_poison", "prd_text", "prd_empty", "prd_no_hash"))
    assert pids(stack) == before
    assert CANARY not in logs(stack)
    assert not mark.exists()
    assert http.get("/metrics").status_code == 200


def make_lost_job(http: httpx2.Client, store: Redis) -> str:
    """Queue a job again whose message is lost; only a sweep finds it."""
    job_id = end_prediction(http)
    store.hset(f"{ROOT}job:{job_id}", mapping={"status": "queued", "deadline": time.time() + 3_600})
    store.hdel(f"{ROOT}job:{job_id}", "outcome", "completed", "expires", "started")
    store.zadd(f"{ROOT}queued:interactive", {job_id: 1.0})
    return job_id
