"""A real stack with a rate limit: what one key spends no process gives it again, and no other key has less for it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from rowcall_client import Retries, RowcallClient
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key

RECORD = {"height": 181, "weight": 80, "shoe_size": 44}
INPUT = {"input": RECORD}
#: Of every key that has no rate of its own: none again while a test runs, and one at once.
SLOW = 0.001
#: Requests of one key at once from so many connections, which reach all processes.
CONNECTIONS = 20


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=root / "models",
        workers=1,
        require_keys=True,
        rate_limit=SLOW,
    )
    with running_stack(settings) as stack:
        yield stack


def headers_of(stack: Stack, *options: str) -> dict[str, str]:
    key = make_key(stack, "--scope", "predict", "--scope", "batch", *options)
    return {"Authorization": f"Bearer {key}"}


def submit_together(stack: Stack, headers: dict[str, str], count: int) -> list[httpx2.Response]:
    """Send requests at the same time, each on a connection of its own."""

    def submit(_number: int) -> httpx2.Response:
        return httpx2.post(f"{stack.url}/v1/predictions", json=INPUT, headers=headers, timeout=60.0)

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return list(threads.map(submit, range(count)))


def test_all_processes_together_accept_no_more_than_the_burst(stack: Stack) -> None:
    # Ten seconds of it may come at once, and there is one more each ten seconds.
    headers = headers_of(stack, "--rate", "0.5")
    began = time.monotonic()

    statuses = [answer.status_code for answer in submit_together(stack, headers, 60)]

    more = int((time.monotonic() - began) * 0.5) + 1
    assert 5 <= statuses.count(202) <= 5 + more
    assert set(statuses) == {202, 429}


def test_of_what_was_refused_there_is_nothing(stack: Stack) -> None:
    headers = headers_of(stack)

    answers = submit_together(stack, headers, CONNECTIONS)

    accepted = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    listed = httpx2.get(f"{stack.url}/v1/predictions", headers=headers).json()["data"]
    assert [job["id"] for job in listed] == accepted
    assert len(accepted) == 1


def test_a_key_that_is_spent_takes_nothing_from_another(stack: Stack) -> None:
    ada, bob = headers_of(stack), headers_of(stack, "--rate", "100")
    submit_together(stack, ada, CONNECTIONS)

    answers = submit_together(stack, bob, CONNECTIONS)

    assert {answer.status_code for answer in answers} == {202}


def test_a_refusal_names_its_code_and_the_time(stack: Stack) -> None:
    headers = headers_of(stack)
    submit_together(stack, headers, 1)

    (refused,) = submit_together(stack, headers, 1)

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 990 <= int(refused.headers["Retry-After"]) <= 1000
    assert refused.headers["RateLimit-Policy"] == '"default";q=1;w=1000'
    assert refused.headers["RateLimit"].startswith('"default";r=0;t=')


def test_a_large_file_beyond_the_rate_is_refused_before_it_is_read(stack: Stack) -> None:
    headers = headers_of(stack)
    submit_together(stack, headers, 1)
    file = b"height,weight,shoe_size\n" + b"181,80,44\n" * 2_000_000

    refused = httpx2.post(
        f"{stack.url}/v1/batches", content=file, headers=headers | {"Content-Type": "text/csv"}, timeout=60.0
    )

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert httpx2.get(f"{stack.url}/v1/batches", headers=headers).json()["data"] == []


def test_who_comes_back_after_that_time_is_accepted(stack: Stack) -> None:
    # Two at once, and one again after four seconds.
    headers = headers_of(stack, "--rate", "0.25")
    submit_together(stack, headers, 2)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    key = headers["Authorization"].removeprefix("Bearer ")
    with RowcallClient(stack.url, api_key=key, retries=Retries(max_tries=2), sleep=pause) as client:
        accepted = client.submit(RECORD)

    # The client was told, waited for so long and a little more, and was let in at once.
    assert len(pauses) == 1
    assert 1.0 <= pauses[0] <= 4.4
    assert httpx2.get(f"{stack.url}/v1/predictions/{accepted.id}", headers=headers).status_code == 200


def test_an_operator_gives_a_key_a_rate_with_the_command(stack: Stack) -> None:
    admin = make_key(stack, "--scope", "admin")
    command = [str(Path(sys.executable).parent / "rowcall"), "keys", "create", "billing"]
    environment = {"ROWCALL_URL": stack.url, "PATH": os.environ["PATH"], "ROWCALL_API_KEY": admin}

    made = subprocess.run(
        [*command, "--scope", "predict", "--rate", "0.2"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    (answer,) = submit_together(stack, headers, 1)
    assert answer.headers["RateLimit-Policy"] == '"default";q=2;w=10'
