"""Accepted means answered, though the server behind the endpoint changes, hangs, loads or is full."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import people
from tests.acceptance.submitter import Submitter, assert_all_answered
from tests.store_pair import StorePair

PERSON = people(1)[0]
SUBMISSION = {"model": "gender", "input": PERSON}
CSV = "height,weight,shoe_size\n181,80,44\n"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorePair]:
    with StorePair.run(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@pytest.fixture(scope="module")
def stack_settings(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, pair: StorePair) -> Settings:
    """One process of each kind, so that none can hide behind another."""
    return Settings(
        redis_url=SecretStr(pair.url),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        api_processes=1,
        workers=1,
        bulk_workers=1,
        lease_seconds=2.0,
    )


@pytest.fixture(scope="module")
def stack(stack_settings: Settings) -> Iterator[Stack]:
    with running_stack(stack_settings) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _same_processes(pair: StorePair, stack: Stack) -> Iterator[None]:
    """Each test finds a primary with its replica, and none makes a process start again."""
    pair.join()
    before = pids(stack)
    yield
    pair.endpoint.thaw()
    assert pids(stack) == before


def pids(stack: Stack) -> dict[str, int]:
    return {process.name: process.pid for process in stack.processes()}


@contextmanager
def submissions(stack: Stack, *, jobs: int) -> Iterator[Submitter]:
    """Submit jobs during the block, which begins when the first are accepted; it ends when all are."""
    submitter = Submitter(stack.url)
    submitting = threading.Thread(target=submitter.submit_all, args=(people(jobs),))
    submitting.start()
    while len(submitter.accepted) < 20:
        time.sleep(0.001)
    yield submitter
    submitting.join()


def seconds_until_accepted(http: httpx2.Client) -> float:
    """Submit again and again until a job is accepted, and return how long that took."""
    started = time.monotonic()
    while http.post("/v1/predictions", json=SUBMISSION).status_code != 202:
        assert time.monotonic() < started + 30
    return time.monotonic() - started


def test_a_demoted_primary_that_lives_on_is_left_within_two_seconds(
    stack: Stack, http: httpx2.Client, pair: StorePair
) -> None:
    with submissions(stack, jobs=600) as submitter:
        pair.fail_over()
        pair.isolate_replica()
        seconds = seconds_until_accepted(http)

    assert seconds < 2.0
    assert_all_answered(submitter, jobs=600, seconds=10)


def kill_connections(pair: StorePair, *, times: int) -> None:
    for _ in range(times):
        pair.primary.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        pair.primary.do("CLIENT", "KILL", "TYPE", "pubsub")
        time.sleep(0.1)


def test_killed_connections_lose_nothing(stack: Stack, pair: StorePair) -> None:
    with submissions(stack, jobs=400) as submitter:
        kill_connections(pair, times=10)

    assert_all_answered(submitter, jobs=400, seconds=10)


def test_a_server_that_pauses_loses_nothing(stack: Stack, pair: StorePair) -> None:
    with submissions(stack, jobs=400) as submitter:
        pair.primary.do("CLIENT", "PAUSE", 3_000, "ALL")

    assert_all_answered(submitter, jobs=400, seconds=10)


def restart_slowly(pair: StorePair) -> int:
    """Kill the primary and let it take seconds to load its data; return how often it said so."""
    pair.primary.do("DEBUG", "POPULATE", 1_000)
    pair.primary.do("BGREWRITEAOF")
    while pair.primary.do("INFO", "persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.01)
    pair.primary.process.end(signal.SIGKILL)
    pair.primary.process.launch("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    loading = 0
    while True:
        try:
            pair.primary.do("PING")
        except BusyLoadingError:
            loading += 1
        except RedisConnectionError:
            pass
        else:
            return loading
        time.sleep(0.05)


def test_a_server_that_loads_its_data_loses_nothing(stack: Stack, pair: StorePair) -> None:
    with submissions(stack, jobs=400) as submitter:
        loading = restart_slowly(pair)

    assert loading > 10
    assert_all_answered(submitter, jobs=400, seconds=10)


def be_silent(pair: StorePair, *, seconds: float, questions: bool) -> None:
    pair.endpoint.freeze(questions=questions)
    time.sleep(seconds)
    pair.endpoint.thaw()


@pytest.mark.parametrize("questions", [True, False], ids=["both directions", "answers only"])
def test_a_short_silence_loses_nothing(stack: Stack, pair: StorePair, questions: bool) -> None:
    with submissions(stack, jobs=400) as submitter:
        be_silent(pair, seconds=3, questions=questions)

    assert_all_answered(submitter, jobs=400, seconds=10)


@pytest.mark.long
@pytest.mark.parametrize("questions", [True, False], ids=["both directions", "answers only"])
def test_a_long_silence_loses_nothing(stack: Stack, pair: StorePair, questions: bool) -> None:
    with submissions(stack, jobs=400) as submitter:
        be_silent(pair, seconds=20, questions=questions)

    assert_all_answered(submitter, jobs=400, seconds=20)


def test_connections_that_died_unnoticed_are_replaced(stack: Stack, http: httpx2.Client, pair: StorePair) -> None:
    with submissions(stack, jobs=400) as submitter:
        pair.endpoint.abandon()
        seconds = seconds_until_accepted(http)

    assert seconds < 5.0
    assert_all_answered(submitter, jobs=400, seconds=15)


@contextmanager
def full_with_open_jobs(stack: Stack, pair: StorePair, *, jobs: int) -> Iterator[Submitter]:
    """Accept jobs that nobody takes, lose their messages, and leave the server without memory for the block."""
    submitter = Submitter(stack.url)
    workers = [process.pid for process in stack.processes() if "worker" in process.name]
    send_all(workers, signal.SIGSTOP)
    submitter.submit_all(people(jobs))
    pair.primary.do("DEL", "{rowcall}:broker:interactive")
    pair.primary.do("CONFIG", "SET", "maxmemory", 1)
    send_all(workers, signal.SIGCONT)
    try:
        yield submitter
    finally:
        pair.primary.do("CONFIG", "SET", "maxmemory", 0)


def send_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)


def test_a_full_server_answers_what_was_accepted_and_refuses_the_rest(
    stack: Stack, http: httpx2.Client, pair: StorePair
) -> None:
    with full_with_open_jobs(stack, pair, jobs=20) as submitter:
        refused = [
            http.post("/v1/predictions", json=SUBMISSION),
            http.post("/v1/batches?model=gender", content=CSV, headers={"Content-Type": "text/csv"}),
        ]
        assert_all_answered(submitter, jobs=20, seconds=20)

    assert [(one.status_code, one.json()["code"], "Retry-After" in one.headers) for one in refused] == [
        (503, "store_full", True)
    ] * 2
    assert http.post("/v1/predictions", json=SUBMISSION, headers={"Prefer": "wait=10"}).status_code == 200


@pytest.fixture
def careful_stack(stack_settings: Settings, tmp_path: Path) -> Iterator[Stack]:
    """A second stack on the same servers, that promises nothing before the replica has it."""
    other = {
        "key_prefix": "careful",
        "port": free_port(),
        "data_dir": tmp_path,
        "accept_replicas": 1,
        "accept_replicas_timeout_seconds": 0.5,
    }
    with running_stack(stack_settings.model_copy(update=other)) as stack:
        yield stack


def submit_at_once(http: httpx2.Client, *, jobs: int) -> list[httpx2.Response]:
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda _: http.post("/v1/predictions", json=SUBMISSION), range(jobs)))


def test_without_its_replica_a_careful_stack_promises_nothing(careful_stack: Stack, pair: StorePair) -> None:
    with httpx2.Client(base_url=careful_stack.url, timeout=30.0) as http:
        waited_for = http.post("/v1/predictions", json=SUBMISSION, headers={"Prefer": "wait=10"})
        pair.replica.process.send(signal.SIGSTOP)
        started = time.monotonic()
        refused = submit_at_once(http, jobs=20)
        seconds = time.monotonic() - started
        refused.append(http.post("/v1/batches?model=gender", content=CSV, headers={"Content-Type": "text/csv"}))
        pair.replica.process.send(signal.SIGCONT)
        again = http.post("/v1/predictions", json=SUBMISSION)

    assert waited_for.status_code == 200
    assert {(one.status_code, one.json()["code"], one.headers["Retry-After"]) for one in refused} == {
        (503, "not_replicated", "2")
    }
    # One wait of 0.5 s for each group, not for each job.
    assert seconds < 5.0
    assert again.status_code == 202
