"""Accepted means answered: processes are killed while jobs are in flight."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from redis import Redis

from shared.broker import CeleryBroker, make_celery
from shared.job_store import RedisJobStore
from shared.jobs import JobSpec, ModelRef, Row
from shared.queues import Lane
from shared.redis_client import make_redis
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import people
from tests.acceptance.submitter import Submitter, assert_all_answered
from tests.models import KILLS_THE_PROCESS


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path) -> Settings:
    """A stack of the test's own, because it is about to suffer."""
    return Settings(port=free_port(), data_dir=tmp_path, models_dir=models_dir, lease_seconds=2.0)


@pytest.fixture
def suffering_stack(settings: Settings) -> Iterator[Stack]:
    with running_stack(settings) as stack:
        yield stack


def signal_processes(stack: Stack, name: str, number: signal.Signals) -> None:
    """Send a signal to every process of this name at once."""
    for process in stack.processes():
        if process.name.startswith(name) and process.pid:
            os.kill(process.pid, number)


def run_with_kills(stack: Stack, *, jobs: int, kills: int, pause_seconds: float) -> Submitter:
    """Submit jobs while the workers are killed again and again, and the server once in the middle."""
    submitter = Submitter(stack.url)
    submitting = threading.Thread(target=submitter.submit_all, args=(people(jobs),))
    submitting.start()
    for number in range(kills):
        time.sleep(pause_seconds)
        signal_processes(stack, "worker", signal.SIGKILL)
        if number == kills // 2:
            signal_processes(stack, "store", signal.SIGKILL)
    submitting.join()
    return submitter


def test_every_accepted_job_is_answered_though_workers_and_server_are_killed(suffering_stack: Stack) -> None:
    submitter = run_with_kills(suffering_stack, jobs=500, kills=3, pause_seconds=0.7)

    assert_all_answered(submitter, jobs=500, seconds=60)


def count_open_jobs(stack: Stack) -> int:
    with Redis.from_url(stack.store_url) as redis:
        queued = redis.zcard("{rowcall}:queued:interactive")
        return int(queued) + int(redis.zcard("{rowcall}:running"))


def kill_with_jobs_in_flight(stack: Stack, submitter: Submitter, *, jobs: int, victims: list[str]) -> None:
    """Freeze the workers until `jobs` jobs are in flight, and kill once some of them are done."""
    signal_processes(stack, "worker", signal.SIGSTOP)
    submitter.submit_all(people(jobs))
    assert count_open_jobs(stack) >= jobs
    signal_processes(stack, "worker", signal.SIGCONT)
    while count_open_jobs(stack) > jobs - 20:
        time.sleep(0.001)
    for victim in victims:
        signal_processes(stack, victim, signal.SIGKILL)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_every_accepted_job_is_answered_after_ten_kills_with_500_jobs_in_flight(suffering_stack: Stack) -> None:
    submitter = Submitter(suffering_stack.url)

    kill_with_jobs_in_flight(suffering_stack, submitter, jobs=500, victims=["worker", "store"])
    for _ in range(9):
        kill_with_jobs_in_flight(suffering_stack, submitter, jobs=500, victims=["worker"])

    assert_all_answered(submitter, jobs=5_000, seconds=120)


def send_as_one_message(settings: Settings, stack: Stack, rows: dict[str, list[Row]]) -> None:
    """Accept jobs as the API does, and put them into one message."""
    inside = settings.model_copy(update={"redis_url": type(settings.redis_url)(stack.store_url)})
    redis = make_redis(inside, stack.store_url, retries=3)
    with httpx2.Client(base_url=stack.url) as http:
        sha256 = http.get("/v1/models/moody").json()["sha256"]
    model = ModelRef("moody", "1", sha256)
    specs = [JobSpec(job_id, Lane.INTERACTIVE, model, job_rows, is_single=True) for job_id, job_rows in rows.items()]
    accepted = RedisJobStore(redis, inside).accept(specs)
    CeleryBroker(make_celery(inside), redis, inside).send(specs, enqueued_at=accepted[0].created_at)


def test_a_job_that_kills_its_worker_fails_alone(settings: Settings, suffering_stack: Stack) -> None:
    poison = "prd_poison"
    neighbors = [f"prd_neighbor{number}" for number in range(20)]
    rows: dict[str, list[Row]] = {job_id: [[1.0]] for job_id in [*neighbors[:10], poison, *neighbors[10:]]}
    rows[poison] = [[KILLS_THE_PROCESS]]

    send_as_one_message(settings, suffering_stack, rows)

    submitter = Submitter(suffering_stack.url, accepted={job_id: {} for job_id in rows})
    jobs = submitter.read_all(seconds=90)
    assert [jobs[job_id]["status"] for job_id in neighbors] == ["succeeded"] * 20
    assert jobs[poison]["status"] == "failed"
    assert jobs[poison]["error"]["code"] == "worker_died"
    assert jobs[poison]["attempt"] == 3


def test_jobs_survive_a_stop_and_a_start_of_the_whole_stack(settings: Settings) -> None:
    submitter = Submitter("")
    with running_stack(settings) as stack:
        submitter.url = stack.url
        signal_processes(stack, "worker", signal.SIGKILL)
        submitter.submit_all(people(50))
    with running_stack(settings):
        assert_all_answered(submitter, jobs=50, seconds=60)
