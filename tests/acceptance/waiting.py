"""Waiting for what must come, however slow the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

import httpx2

T = TypeVar("T")


def find_in_time(look: Callable[[], T | None], *, seconds: float) -> T | None:
    """Return what is found first; None when nothing is found in time."""
    until = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < until:
        time.sleep(0.05)
    return found


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Return as soon as it is so; fails when it is not in time."""
    assert find_in_time(lambda: is_so() or None, seconds=seconds), "it took too long"


def wait_until_answered(http: httpx2.Client, url: str, status: int, *, seconds: float = 40) -> httpx2.Response:
    """Return the first answer with this status; fails when none comes in time."""

    def find_answer() -> httpx2.Response | None:
        answer = http.get(url)
        return answer if answer.status_code == status else None

    found = find_in_time(find_answer, seconds=seconds)
    assert found is not None, f"{url} was not answered with {status} in time"
    return found
