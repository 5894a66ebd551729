"""What is sent twice is done once: at the same moment, and after the end. Executions: test_once_after_a_crash.py."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack

PERSON = {"height": 190, "weight": 70, "shoe_size": 43}
CLIENTS = 20
ROWS = 500
FILE = "height,weight,shoe_size\n" + "190,70,43\n" * ROWS


def submit(url: str, key: str, mark: str, **members: Any) -> httpx2.Response:
    """Submit with an idempotency key, and wait for the result; on a connection of its own."""
    body = {"model": "gender", "input": PERSON, "metadata": {"mark": mark}, **members}
    return httpx2.post(
        f"{url}/v1/predictions", json=body, headers={"Idempotency-Key": key, "Prefer": "wait=20"}, timeout=40.0
    )


def listed(url: str, mark: str) -> list[dict[str, Any]]:
    """Return the jobs that this test made."""
    jobs = httpx2.get(f"{url}/v1/predictions", params={"limit": 100}).json()["data"]
    return [job for job in jobs if job["metadata"] == {"mark": mark}]


def batch_folders(settings: Settings) -> set[str]:
    """Return the ids of the batches of which files lie on the disk."""
    return {path.name for path in (settings.data_dir / "files" / "batches").glob("*")}


def left_over_uploads(settings: Settings) -> list[Path]:
    """Return files that were begun and are nobody's."""
    return list(settings.data_dir.rglob(".partial-*"))


@pytest.fixture
def mark() -> str:
    """A text that no other test writes on its jobs."""
    return uuid.uuid4().hex


def test_of_many_requests_at_once_with_one_key_one_is_carried_out(stack: Stack, mark: str) -> None:
    start = Barrier(CLIENTS)

    def ask(_number: int) -> httpx2.Response:
        start.wait()
        return submit(stack.url, mark, mark)

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(ask, range(CLIENTS)))

    first = answers[0].json()
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert [answer.json() for answer in answers] == [first] * CLIENTS
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == CLIENTS - 1
    assert [(job["id"], job["attempt"]) for job in listed(stack.url, mark)] == [(first["id"], 1)]


def test_a_request_that_comes_again_after_the_end_is_answered_as_before(stack: Stack, mark: str) -> None:
    first = submit(stack.url, mark, mark)

    second = submit(stack.url, mark, mark)

    assert (second.status_code, second.json()) == (200, first.json())
    assert second.headers["Idempotency-Replayed"] == "true"


def test_of_many_files_at_once_with_one_key_one_is_scored_and_one_is_kept(
    stack: Stack, stack_settings: Settings, mark: str
) -> None:
    start = Barrier(CLIENTS)
    before = batch_folders(stack_settings)

    def send(_number: int) -> httpx2.Response:
        start.wait()
        headers = {"Idempotency-Key": mark, "Content-Type": "text/csv"}
        return httpx2.post(f"{stack.url}/v1/batches?model=gender", content=FILE, headers=headers, timeout=40.0)

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(send, range(CLIENTS)))

    url = stack.url + answers[0].headers["Location"]
    batch = httpx2.get(url, headers={"Prefer": "wait=40"}, timeout=70.0).json()
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["id"] for answer in answers} == {batch["id"]}
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == CLIENTS - 1
    assert (batch["status"], batch["counts"]["succeeded"]) == ("completed", ROWS)
    assert batch_folders(stack_settings) - before == {batch["id"]}
    assert left_over_uploads(stack_settings) == []


def test_a_key_with_another_body_answers_422(stack: Stack, mark: str) -> None:
    submit(stack.url, mark, mark)

    response = submit(stack.url, mark, mark, input=PERSON | {"height": 160})

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_of_many_requests_at_once_under_one_id_one_is_carried_out(stack: Stack, mark: str) -> None:
    start = Barrier(CLIENTS)
    body = {"model": "gender", "input": PERSON, "metadata": {"mark": mark}}

    def ask(_number: int) -> httpx2.Response:
        start.wait()
        url = f"{stack.url}/v1/predictions/{mark}"
        return httpx2.put(url, json=body, headers={"Prefer": "wait=20"}, timeout=40.0)

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = list(clients.map(ask, range(CLIENTS)))

    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert [answer.json() for answer in answers] == [answers[0].json()] * CLIENTS
    assert [(job["id"], job["attempt"]) for job in listed(stack.url, mark)] == [(mark, 1)]


def test_a_job_is_followed_tried_again_and_deleted(stack: Stack, mark: str) -> None:
    url = f"{stack.url}/v1/predictions/{mark}"
    httpx2.put(url, json={"model": "moody", "input": {"mood": 1}}, headers={"Prefer": "wait=20"}, timeout=40.0)

    events = httpx2.get(f"{url}/events", timeout=40.0).text
    retried = httpx2.post(f"{url}/retry")
    deleted = httpx2.delete(url)

    assert [line for line in events.splitlines() if line.startswith("event: ")] == [
        "event: queued",
        "event: started",
        "event: completed",
    ]
    assert (retried.status_code, deleted.status_code, httpx2.get(url).status_code) == (409, 204, 410)
