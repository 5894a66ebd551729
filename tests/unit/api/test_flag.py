"""A flag that one thread raises for one request, which waits in a thread of its own or on an event loop."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, TypeVarTuple

import pytest

from api.flag import Flag
from api.greenlets import GreenletHost, call_blocking

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0

#: Calls a function as a request would be, and returns its answer.
Call = Callable[..., Any]
Arguments = TypeVarTuple("Arguments")


class CountingLoop(asyncio.SelectorEventLoop):
    """A loop that counts how often other threads call it, and keeps the timers that were set."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.timers: list[asyncio.TimerHandle] = []

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        self.timers.append(timer)
        return timer

    def call_soon_threadsafe(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        self.calls += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


@pytest.fixture
def loop() -> Iterator[CountingLoop]:
    loop = CountingLoop()
    yield loop
    loop.close()


@pytest.fixture
def host() -> Iterator[GreenletHost]:
    with ThreadPoolExecutor(2) as threads:
        yield GreenletHost(threads)


@pytest.fixture(params=["in a thread", "on a loop"])
def call(request: pytest.FixtureRequest, loop: CountingLoop, host: GreenletHost) -> Call:
    if request.param == "in a thread":
        return lambda function: function()
    return lambda function: loop.run_until_complete(host.run(function))


def raise_all(flags: Iterable[Flag]) -> None:
    for flag in flags:
        flag.set()


def run_together(loop: CountingLoop, host: GreenletHost, *functions: Callable[[], Any]) -> list[Any]:
    """Run functions on the loop, each until it waits or is done, in this order."""
    runs = asyncio.wait_for(_gather(host, functions), PATIENCE_SECONDS)
    return loop.run_until_complete(runs)


async def _gather(host: GreenletHost, functions: tuple[Callable[[], Any], ...]) -> list[Any]:
    return await asyncio.gather(*(host.run(function) for function in functions))


def in_threads(count: int, function: Callable[[], Any]) -> list[Any]:
    """Call a function in so many threads at once, and wait until all are done."""
    everybody_is_there = threading.Barrier(count)

    def call() -> Any:
        everybody_is_there.wait(PATIENCE_SECONDS)
        return function()

    with ThreadPoolExecutor(count) as pool:
        return [done.result(PATIENCE_SECONDS) for done in [pool.submit(call) for _ in range(count)]]


def test_a_flag_is_down_until_it_is_raised(call: Call) -> None:
    flag = Flag()
    before = call(lambda: flag.wait(0))

    flag.set()

    assert (before, call(lambda: flag.wait(0))) == (False, True)


def test_a_wait_for_a_flag_that_stays_down_ends_in_time(call: Call) -> None:
    flag = Flag()

    assert call(lambda: (flag.wait(0), flag.wait(0.01), flag.wait(0))) == (False, False, False)


@pytest.mark.parametrize("seconds", [None, 0, PATIENCE_SECONDS], ids=["for ever", "not at all", "for a while"])
def test_a_flag_that_is_up_is_not_waited_for_and_stays_up(call: Call, seconds: float | None) -> None:
    flag = Flag()
    flag.set()

    assert call(lambda: (flag.wait(seconds), flag.wait(seconds), flag.wait(0))) == (True, True, True)


def test_a_flag_can_be_raised_more_than_once(call: Call) -> None:
    flag = Flag()

    flag.set()
    flag.set()

    assert call(lambda: flag.wait(0))


@pytest.mark.parametrize("seconds", [None, PATIENCE_SECONDS], ids=["for ever", "for a while"])
def test_a_flag_wakes_the_thread_that_waits(seconds: float | None) -> None:
    flags = [Flag() for _ in range(200)]

    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(lambda: [flag.wait(seconds) for flag in flags])
        raise_all(flags)

        assert waits.result(PATIENCE_SECONDS) == [True] * 200


@pytest.mark.parametrize("seconds", [None, PATIENCE_SECONDS], ids=["for ever", "for a while"])
def test_a_flag_wakes_the_request_that_waits_on_the_loop(
    loop: CountingLoop, host: GreenletHost, seconds: float | None
) -> None:
    flag = Flag()

    assert run_together(loop, host, lambda: flag.wait(seconds), flag.set) == [True, None]


def test_a_thread_wakes_the_request_that_waits_on_the_loop(loop: CountingLoop, host: GreenletHost) -> None:
    flag = Flag()

    assert run_together(loop, host, flag.wait, lambda: call_blocking(flag.set)) == [True, None]


def test_threads_that_raise_a_flag_together_wake_its_request_once(loop: CountingLoop, host: GreenletHost) -> None:
    flag, never = Flag(), Flag()

    waited = run_together(loop, host, lambda: (flag.wait(), never.wait(0.01)), lambda: in_threads(4, flag.set))

    assert waited[0] == (True, False)


def test_threads_that_raise_flags_together_raise_them() -> None:
    flags = [Flag() for _ in range(200)]

    in_threads(4, lambda: raise_all(flags))

    assert all(flag.wait(0) for flag in flags)


def test_a_flag_that_is_raised_just_as_it_is_waited_for_is_not_missed(loop: CountingLoop, host: GreenletHost) -> None:
    flags = [Flag() for _ in range(1_000)]

    waited, _ = run_together(
        loop,
        host,
        lambda: [flag.wait() for flag in flags],
        lambda: call_blocking(raise_all, flags),
    )

    assert waited == [True] * 1_000


def test_a_flag_that_is_raised_after_the_wait_is_over_wakes_nobody(loop: CountingLoop, host: GreenletHost) -> None:
    flag, other = Flag(), Flag()

    def wait() -> tuple[bool, bool, bool]:
        in_time = flag.wait(0)
        flag.set()
        return in_time, other.wait(0.01), flag.wait()

    assert run_together(loop, host, wait) == [(False, False, True)]


def test_requests_that_are_woken_together_cost_one_call_of_the_loop(loop: CountingLoop, host: GreenletHost) -> None:
    flags = [Flag() for _ in range(100)]

    # The loop stands still until the threads are done.
    waited = run_together(loop, host, *(flag.wait for flag in flags), lambda: in_threads(1, lambda: raise_all(flags)))

    assert waited[:-1] == [True] * 100
    assert loop.calls == 1


class NotedPause:
    """A pause that is over at once; notes how often it began, and how often it was ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.ended = 0

    def begin(self, _seconds: float | None) -> None:
        self.begun += 1

    def end(self) -> None:
        self.ended += 1


def test_a_flag_that_is_raised_before_the_wait_has_begun_lets_nobody_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    flag, pause = Flag(), NotedPause()

    def raise_meanwhile() -> NotedPause:
        flag.set()
        return pause

    monkeypatch.setattr("api.flag.find_pause", raise_meanwhile)

    assert flag.wait()
    assert pause.begun == 0


def test_a_wait_that_is_over_is_not_ended_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    flag, pause = Flag(), NotedPause()
    monkeypatch.setattr("api.flag.find_pause", lambda: pause)
    assert not flag.wait(1.0)

    flag.set()

    assert (pause.begun, pause.ended) == (1, 0)


def test_a_request_that_is_woken_twice_keeps_no_other_from_being_woken(loop: CountingLoop, host: GreenletHost) -> None:
    first, second = Flag(), Flag()

    waited = run_together(loop, host, first.wait, second.wait, lambda: raise_all([first, first, second]))

    assert waited[:-1] == [True, True]


def test_a_wait_that_ends_early_leaves_no_timer_behind(loop: CountingLoop, host: GreenletHost) -> None:
    flag = Flag()

    run_together(loop, host, lambda: flag.wait(3_600.0), flag.set)

    assert [timer for timer in loop.timers if not timer.cancelled()] == []
    assert len(loop.timers) == 2


def run_coroutine(loop: CountingLoop, host: GreenletHost, wait: Awaitable[Any], *functions: Callable[[], Any]) -> Any:
    """Return what a coroutine does that waits, with functions that run on the loop meanwhile."""

    async def run() -> Any:
        waiting = asyncio.ensure_future(wait)
        await asyncio.sleep(0)
        await _gather(host, functions)
        return await asyncio.wait_for(waiting, PATIENCE_SECONDS)

    return loop.run_until_complete(run())


@pytest.mark.parametrize("seconds", [None, PATIENCE_SECONDS], ids=["for ever", "for a while"])
def test_a_flag_wakes_the_coroutine_that_waits(loop: CountingLoop, host: GreenletHost, seconds: float | None) -> None:
    flag = Flag()

    assert run_coroutine(loop, host, flag.wait_on_loop(host, seconds), flag.set)


def test_a_thread_wakes_the_coroutine_that_waits(loop: CountingLoop, host: GreenletHost) -> None:
    flag = Flag()

    assert run_coroutine(loop, host, flag.wait_on_loop(host), lambda: call_blocking(flag.set))


@pytest.mark.parametrize(("is_up", "seconds"), [(True, None), (True, 0.0), (False, 0.0), (False, 0.01)])
def test_a_coroutine_waits_for_no_longer_than_it_must(
    loop: CountingLoop, host: GreenletHost, *, is_up: bool, seconds: float | None
) -> None:
    flag = Flag()
    raise_all([flag] if is_up else [])

    assert run_coroutine(loop, host, flag.wait_on_loop(host, seconds)) is is_up


def test_the_wait_of_a_coroutine_leaves_no_timer_behind(loop: CountingLoop, host: GreenletHost) -> None:
    flag = Flag()

    run_coroutine(loop, host, flag.wait_on_loop(host, 3_600.0), flag.set)

    assert [timer for timer in loop.timers if not timer.cancelled()] == []


def test_a_flag_that_is_raised_for_a_canceled_coroutine_wakes_nobody(loop: CountingLoop, host: GreenletHost) -> None:
    flag, other = Flag(), Flag()

    async def cancel() -> bool:
        waiting = asyncio.ensure_future(flag.wait_on_loop(host))
        await asyncio.sleep(0)
        waiting.cancel()
        flag.set()
        return await other.wait_on_loop(host, 0.01)

    assert not loop.run_until_complete(cancel())
