"""Requests that wait on the event loop without a thread: plain functions in greenlets, which the loop sets aside.

A view that runs here may wait for a flag like one in a thread of its own; whatever else blocks it hands to a thread. It
costs a request that waits a few microseconds, where a thread costs two changes of the interpreter's lock.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

import greenlet

P = ParamSpec("P")
T = TypeVar("T")


class Pause(Protocol):
    """One wait of one request."""

    def begin(self, seconds: float | None) -> None:
        """Wait until the end, or for so many seconds."""

    def end(self) -> None:
        """Let the request go on; from any thread, more than once."""


class GreenletHost:
    """Runs functions in greenlets on one event loop."""

    def __init__(self, threads: Executor) -> None:
        """threads: where blocking calls go."""
        self._threads = threads
        self._woken: deque[asyncio.Future[None]] = deque()
        self._is_waking = False

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns; other requests go on while it waits."""
        loop = asyncio.get_running_loop()
        request = _Request(partial(function, *args, **kwargs), host=self, loop=loop)
        waited_for = request.switch()
        while not request.dead:
            try:
                result = await waited_for
            except BaseException as error:
                waited_for = request.throw(error)
            else:
                waited_for = request.switch(result)
        answer: T = waited_for
        return answer

    def wake(self, future: "asyncio.Future[None]", loop: asyncio.AbstractEventLoop) -> None:
        """Let the request that waits for the future go on; many that are woken at once cost one call of the loop."""
        self._woken.append(future)
        if not self._is_waking:
            self._is_waking = True
            loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        # First the note, then the list: whoever adds to it from now on calls again.
        self._is_waking = False
        while self._woken:
            _resolve(self._woken.popleft())

    async def pause(self, future: "asyncio.Future[None]", seconds: float | None) -> None:
        """Wait until `wake` is called for the future, or for so many seconds."""
        timer = None if seconds is None else future.get_loop().call_later(seconds, _resolve, future)
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()

    def in_thread(self, request: "_Request", call: Callable[[], Any]) -> Any:
        """Do a blocking call in a thread while the greenlet waits."""
        return request.parent.switch(request.loop.run_in_executor(self._threads, call))


class _Request(greenlet.greenlet):  # type: ignore[misc]  # greenlet has no types.
    """A greenlet of ours."""

    def __init__(self, run: Callable[[], Any], *, host: GreenletHost, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(run)
        self.host = host
        self.loop = loop


class _LoopPause:
    """One wait of a greenlet."""

    __slots__ = ("_future", "_request")

    def __init__(self, request: _Request) -> None:
        self._request = request
        self._future: asyncio.Future[None] = request.loop.create_future()

    def begin(self, seconds: float | None) -> None:
        request = self._request
        timer = None if seconds is None else request.loop.call_later(seconds, _resolve, self._future)
        try:
            request.parent.switch(self._future)
        finally:
            if timer is not None:
                timer.cancel()

    def end(self) -> None:
        self._request.host.wake(self._future, self._request.loop)


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def find_pause() -> Pause | None:
    """Return a wait for the request that runs on an event loop; None in any other thread."""
    current = greenlet.getcurrent()
    return _LoopPause(current) if isinstance(current, _Request) else None


def call_blocking(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what may block for long: here, or in a thread if the event loop would stand still."""
    current = greenlet.getcurrent()
    if not isinstance(current, _Request):
        return function(*args, **kwargs)
    answer: T = current.host.in_thread(current, partial(function, *args, **kwargs))
    return answer
