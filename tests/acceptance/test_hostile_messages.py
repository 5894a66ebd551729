"""Whoever can write to a queue cannot run code in a worker, stop it, or read in its log what others sent."""

import pickle
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from shared.broker import make_celery
from shared.jobs import JobStatus
from shared.queues import Lane, TaskName
from shared.settings import Settings
from tests.acceptance.test_refusal import LeavesAMark
from tests.worker_process import Line, running_worker

#: Stands for the values of a row, which belong to the client who sent them.
CANARY = "canary-7f3a"


@pytest.fixture
def settings(settings: Settings, models_dir: Path) -> Settings:
    return settings.model_copy(update={"models_dir": models_dir, "models": ("moody",), "log_level": "DEBUG"})


@pytest.fixture
def line(settings: Settings) -> Line:
    return Line(settings)


@pytest.fixture
def celery(settings: Settings) -> Celery:
    return make_celery(settings)


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with running_worker(settings, tmp_path) as process:
        yield process


def publish(celery: Celery, body: Any, *, task: str | None = TaskName.PREDICT, **options: Any) -> None:
    """Put a message on the queue of single predictions, whatever is in it."""
    headers = {"lang": "py", "task": task, "id": str(uuid.uuid4()), "canary": CANARY} if task else {"canary": CANARY}
    with celery.producer_pool.acquire(block=True) as producer:
        producer.publish(body, exchange="", routing_key=Lane.INTERACTIVE.value, headers=headers, **options)


def arguments(**message: Any) -> list[Any]:
    """The body of a task with these arguments."""
    return [[], message, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]


def answer_next_job(line: Line) -> JobStatus:
    line.send("moody", {"prd_next": [[1.0]]})
    return line.wait_for("prd_next", JobStatus.SUCCEEDED).status


def test_a_message_that_would_run_code_when_it_is_read_is_not_read(
    worker: subprocess.Popen[str], celery: Celery, line: Line, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    poison = LeavesAMark(mark)
    yaml = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{mark}']]  # {CANARY}"
    publish(celery, arguments(v=1, rows=poison), serializer="pickle")
    publish(celery, pickle.dumps(poison), content_type="application/x-python-serialize", content_encoding="binary")
    publish(celery, yaml, content_type="application/x-yaml", content_encoding="utf-8")
    publish(celery, yaml, task=None, content_type="application/x-yaml", content_encoding="utf-8")

    status = answer_next_job(line)

    log = (tmp_path / "worker.log").read_text()
    assert status is JobStatus.SUCCEEDED
    assert worker.poll() is None
    assert not mark.exists()
    assert log.count("ContentDisallowed") >= 4
    assert CANARY not in log


def test_a_message_that_nobody_can_read_is_dropped_and_the_next_job_is_answered(
    worker: subprocess.Popen[str], celery: Celery, line: Line, tmp_path: Path
) -> None:
    rows = {"prd_a": [[CANARY]]}
    publish(celery, f"{{ {CANARY}", content_type="application/json", content_encoding="utf-8")
    publish(celery, arguments(v=99, model="moody/1", lane="interactive", rows=rows), serializer="json")
    publish(celery, arguments(v=CANARY, model="moody/1", lane="interactive", rows=rows), serializer="json")
    publish(celery, arguments(v=1, model="moody/1", lane=CANARY, rows=rows), serializer="json")
    publish(celery, arguments(v=1, rows=CANARY), serializer="json")
    publish(celery, [CANARY], serializer="json")
    publish(celery, {"hello": CANARY}, task=None, serializer="json")
    publish(celery, arguments(text=CANARY), task="os.system", serializer="json")
    publish(celery, arguments(v=99, rows=CANARY * 1_000_000), serializer="json")

    status = answer_next_job(line)

    log = (tmp_path / "worker.log").read_text()
    assert status is JobStatus.SUCCEEDED
    assert worker.poll() is None
    assert "message version 99, this worker reads 1" in log
    assert CANARY not in log
    assert len(log) < 100_000


def test_what_is_no_message_at_all_does_not_stop_a_worker(
    worker: subprocess.Popen[str], line: Line, redis: Redis, settings: Settings, tmp_path: Path
) -> None:
    for garbage in (CANARY, "[]", "{}", '{"body": 1, "headers": 2, "properties": 3}', "[" * 100_000):
        redis.lpush(f"{settings.key_root}broker:{Lane.INTERACTIVE.value}", garbage)

    status = answer_next_job(line)

    assert status is JobStatus.SUCCEEDED
    assert worker.poll() is None
    assert CANARY not in (tmp_path / "worker.log").read_text()
