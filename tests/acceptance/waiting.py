"""Waiting for what must come, however slow the machine is."""

import time
from collections.abc import Callable

import httpx2


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> None:
    """Return as soon as it is so; fails when it is not in time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def wait_until_answered(http: httpx2.Client, url: str, status: int, *, seconds: float = 40) -> httpx2.Response:
    """Return the first answer with this status; fails when none comes in time."""
    found: list[httpx2.Response] = []

    def is_answered() -> bool:
        found.append(http.get(url))
        return found[-1].status_code == status

    wait_until(is_answered, seconds=seconds)
    return found[-1]
