"""Clients that send or take next to nothing are cut off, hold nothing for ever, and hold up nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import descendants, free_port
from tests.acceptance.direct import direct_outputs, people
from tests.acceptance.people_csv import HEADER
from tests.acceptance.slow_clients import DRIPS, Crowd, Drip, idle_downloads, is_held_open
from tests.acceptance.test_batches import score

MEBIBYTE = 1 << 20
#: Slow clients of each kind.
CROWD = 40
#: What crowds that come again may add to the peak. What each sends at once is more, so one that is kept is seen.
GROWTH = 32 * MEBIBYTE
#: Requests that block an API process works on at once.
THREADS = 4


def address(stack: Stack) -> tuple[str, int]:
    url = httpx2.URL(stack.url)
    return url.host, url.port or 80


def server_processes(stack: Stack) -> list[int]:
    (api,) = [process.pid for process in stack.processes() if process.name.partition("-")[0] == "api"]
    return descendants(api)


def count_threads(stack: Stack) -> int:
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in server_processes(stack))


def be_dripped_on(stack: Stack) -> None:
    """Return when a crowd of slow clients of every kind was cut off."""
    with Crowd(address(stack), DRIPS.values(), each=CROWD) as crowd:
        crowd.answers()


@pytest.fixture(scope="module")
def stack(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that waits for its clients for two seconds."""
    own = {
        "port": free_port(),
        "data_dir": tmp_path_factory.mktemp("data"),
        "workers": 1,
        "api_processes": 1,
        "client_timeout_seconds": 2.0,
    }
    with running_stack(stack_settings.model_copy(update=own)) as stack:
        yield stack


@pytest.fixture
def stored_files(stack: Stack) -> Path:
    return stack.logs_dir.parent / "files"


@pytest.fixture(scope="module")
def narrow_stack(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same, where a few requests take all threads that there are."""
    own = {
        "port": free_port(),
        "data_dir": tmp_path_factory.mktemp("data"),
        "workers": 1,
        "client_timeout_seconds": 2.0,
        "api_processes": 1,
        "api_threads": THREADS - 1,
        "max_waiters": 1,
    }
    with running_stack(stack_settings.model_copy(update=own)) as stack:
        yield stack


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_others_are_answered_while_many_keep_the_server_waiting(stack: Stack, http: httpx2.Client, drip: Drip) -> None:
    asked = people(20)

    with Crowd(address(stack), [drip], each=CROWD):
        answers = [http.post("/v1/models/gender/predict", json=one) for one in asked]

    assert [answer.json() for answer in answers] == direct_outputs(asked)


def test_a_head_that_drips_is_hung_up_on(stack: Stack) -> None:
    with Crowd(address(stack), [DRIPS["a head"]], each=CROWD) as crowd:
        answers = crowd.answers()

    assert answers == [b""] * CROWD


@pytest.mark.parametrize("kind", sorted(DRIPS.keys() - {"a head"}))
def test_a_body_that_drips_is_answered_with_408_and_hung_up_on(stack: Stack, kind: str) -> None:
    with Crowd(address(stack), [DRIPS[kind]], each=CROWD) as crowd:
        answers = crowd.answers()

    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
    assert all(b'"code":"request_too_slow"' in answer for answer in answers)


def test_a_crowd_that_comes_again_takes_no_more_threads_and_memory(
    stack: Stack, peak_growth: Callable[[str], int]
) -> None:
    threads = count_threads(stack)
    be_dripped_on(stack)
    growth = peak_growth("api")

    be_dripped_on(stack)
    be_dripped_on(stack)

    # One for each client of a crowd at most, however often it comes.
    assert count_threads(stack) <= threads + len(DRIPS) * CROWD
    assert peak_growth("api") - growth < GROWTH


def test_no_part_of_a_file_that_dripped_is_left(stack: Stack, stored_files: Path) -> None:
    with Crowd(address(stack), [DRIPS["a file"], DRIPS["a form"]], each=3) as crowd:
        crowd.answers()

    assert [path for path in stored_files.rglob("*") if path.is_file()] == []


def test_answers_that_nobody_takes_are_given_up_and_hold_no_thread_for_ever(narrow_stack: Stack) -> None:
    wide = (HEADER + f"a,181,80,44,{'x' * 4_000}\n" * 5_000).encode()
    with httpx2.Client(base_url=narrow_stack.url, timeout=60.0) as http:
        batch, _results = score(http, wide)

        with idle_downloads(address(narrow_stack), batch["urls"]["results"], THREADS) as downloads:
            is_answered = http.get("/v1/models").status_code == 200
            are_held_open = [is_held_open(download) for download in downloads]

    assert is_answered
    assert are_held_open == [False] * THREADS
