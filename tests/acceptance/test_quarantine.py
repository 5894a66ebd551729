"""A job that kills workers is listed, shown, begun again and dropped, and its neighbors never notice."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.models import KILLS_THE_PROCESS

TOKEN = "an operator's own token"
CALM = {"prediction": "calm", "probabilities": {"calm": 0.75, "wild": 0.25}}


@pytest.fixture
def stack(tmp_path: Path, models_dir: Path) -> Iterator[Stack]:
    """A stack of the test's own, because its workers are about to die."""
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path,
        models_dir=models_dir,
        lease_seconds=1.0,
        operator_token=SecretStr(TOKEN),
    )
    with running_stack(settings) as stack:
        yield stack


def quarantine(stack: Stack, *arguments: str) -> Any:
    """Run the command as an operator does, and return the document that it prints."""
    program = "from rowcall_client.cli import main; main()"
    command = [sys.executable, "-c", program, "--url", stack.url, "quarantine", *arguments, "--json"]
    done = subprocess.run(
        command, env={"ROWCALL_OPERATOR_TOKEN": TOKEN}, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(done.stdout or "null")


def submit(http: httpx2.Client, mood: float) -> str:
    answer = http.post("/v1/predictions", json={"model": "moody", "input": {"mood": mood}})
    assert answer.status_code == 202
    return str(answer.json()["id"])


def read_final(http: httpx2.Client, job_id: str) -> Any:
    """Return a job when it is final; workers that die need some seconds to come back."""
    until = time.monotonic() + 90
    while True:
        job = http.get(f"/v1/predictions/{job_id}", headers={"Prefer": "wait=20"}).json()
        if job["status"] not in ("queued", "running"):
            return job
        assert time.monotonic() < until, job


def test_a_job_that_kills_workers_is_listed_shown_redriven_and_dropped(stack: Stack, http: httpx2.Client) -> None:
    poison = submit(http, KILLS_THE_PROCESS)
    neighbors = [submit(http, 1.0) for _ in range(10)]
    failed = read_final(http, poison)
    listed = quarantine(stack, "list")
    shown = quarantine(stack, "show", poison)

    redriven = quarantine(stack, "redrive", poison)["redriven_as"]
    neighbors += [submit(http, 1.0) for _ in range(10)]
    failed_again = read_final(http, redriven)
    listed_again = quarantine(stack, "list")
    quarantine(stack, "drop", redriven)

    assert (failed["status"], failed["error"]["code"], failed["attempt"]) == ("failed", "worker_died", 3)
    assert [one["id"] for one in listed["data"]] == [poison]
    assert shown["input"] == {"mood": KILLS_THE_PROCESS}
    assert (failed_again["id"], failed_again["status"], failed_again["attempt"]) == (redriven, "failed", 3)
    assert [one["id"] for one in listed_again["data"]] == [redriven]
    assert quarantine(stack, "list")["data"] == []
    assert [read_final(http, job_id)["output"] for job_id in neighbors] == [CALM] * 20
    answer = read_final(http, poison)
    assert (answer["status"], answer["error"], answer["redriven_as"]) == ("failed", failed["error"], redriven)
