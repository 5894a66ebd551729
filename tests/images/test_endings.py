"""Containers that are killed, stopped and started while a deployment is under load."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.images.deployment import PERSON, Deployment, docker, inspect

LOAD_SECONDS = 8.0
KILL_AFTER_SECONDS = 3.0


@contextmanager
def submitting(url: str) -> Iterator[list[str]]:
    """Submit jobs for the time of the block; yields the paths of those that were accepted."""
    accepted: list[str] = []
    is_over = threading.Event()

    def submit() -> None:
        with httpx2.Client(base_url=url, timeout=30.0) as http:
            while not is_over.is_set():
                answer = http.post("/v1/predictions", json={"input": [PERSON] * 20})
                if answer.status_code == 202:
                    accepted.append(answer.headers["Location"])

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield accepted
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def ends_of(http: httpx2.Client, paths: list[str]) -> list[tuple[str, int]]:
    """Wait for the end of each job; returns status and number of predictions."""
    jobs = [http.get(path, headers={"Prefer": "wait=50"}).json() for path in paths]
    return [(job["status"], len(job["output"] or [])) for job in jobs]


@pytest.fixture
def three_workers(deployment: Deployment) -> Iterator[list[str]]:
    deployment.up(workers=3)
    deployment.wait_until_healthy("worker")
    yield deployment.containers("worker")
    deployment.up(workers=1)


def test_a_worker_container_killed_under_load_loses_nothing(
    deployment: Deployment, http: httpx2.Client, three_workers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with submitting(deployment.url) as accepted:
        time.sleep(KILL_AFTER_SECONDS)
        before = len(accepted)
        docker("kill", three_workers[0])
        time.sleep(LOAD_SECONDS - KILL_AFTER_SECONDS)

    ends = ends_of(http, accepted)

    with capsys.disabled():
        print(f"\n{len(accepted)} jobs accepted, {before} of them before the kill; ends: {set(ends)}")
    assert 0 < before < len(accepted)
    assert inspect(three_workers[0])["State"]["ExitCode"] in (0, 137)
    assert set(ends) == {("succeeded", 20)}


def test_a_worker_that_is_stopped_leaves_in_order(deployment: Deployment, three_workers: list[str]) -> None:
    began = time.monotonic()
    docker("stop", three_workers[1])

    state = inspect(three_workers[1])["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert time.monotonic() - began < 30.0


def test_the_api_that_is_stopped_leaves_in_order(deployment: Deployment) -> None:
    (api,) = deployment.containers("api")

    docker("stop", api)

    status = inspect(api)["State"]["ExitCode"]
    docker("start", api)
    deployment.wait_until_ready()
    assert status == 0


def test_a_cold_worker_answers_soon(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    (worker,) = deployment.containers("worker")
    docker("stop", worker)

    began = time.monotonic()
    docker("start", worker)
    deployment.predict_once()
    seconds = time.monotonic() - began

    with capsys.disabled():
        print(f"\ncold start, from the start of the container to the first prediction: {seconds:.1f} s")
    assert seconds < 60.0
