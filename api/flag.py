"""A flag that one thread raises for one request, which waits for it in a thread of its own or on the event loop."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

from api.greenlets import GreenletHost, find_pause


class Flag:
    """Raised once, and never lowered. One request waits for it at a time; any thread may raise it."""

    __slots__ = ("_is_up", "_wake")

    def __init__(self) -> None:
        self._is_up = False
        #: Ends the wait of the request that waits; None while nobody does.
        self._wake: Callable[[], None] | None = None

    def set(self) -> None:
        """Raise the flag."""
        # First up, then the look at who waits; the one who waits does it the other way round, so neither misses.
        self._is_up = True
        wake = self._wake
        if wake is not None:
            wake()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the flag is up, or for so many seconds; returns whether it is up."""
        if self._is_up:
            return True
        pause = find_pause() or _ThreadPause()
        self._wake = pause.end
        if not self._is_up:
            pause.begin(seconds)
        self._wake = None
        return self._is_up

    async def wait_on_loop(self, host: GreenletHost, seconds: float | None = None) -> bool:
        """Wait in a coroutine as `wait` does in a greenlet, for a seventh of the price."""
        if self._is_up:
            return True
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._wake = partial(host.wake, future, loop)
        if not self._is_up:
            await host.pause(future, seconds)
        self._wake = None
        return self._is_up


class _ThreadPause:
    """One wait of a thread. A bare lock costs a quarter of a `threading.Event`."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def begin(self, seconds: float | None) -> None:
        self._lock.acquire(timeout=-1 if seconds is None else seconds)

    def end(self) -> None:
        try:
            self._lock.release()
        except RuntimeError:
            # Two threads raised the flag.
            return
