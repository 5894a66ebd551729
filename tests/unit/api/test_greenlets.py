"""Functions that wait on an event loop as they would in a thread of their own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from api.flag import Flag
from api.greenlets import GreenletHost, call_blocking, find_pause

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0

Together = Callable[..., list[Any]]
_name: ContextVar[str] = ContextVar("_name")


@pytest.fixture
def host() -> Iterator[GreenletHost]:
    with ThreadPoolExecutor(2) as threads:
        yield GreenletHost(threads)


@pytest.fixture
def together(host: GreenletHost) -> Together:
    """Runs functions on one loop, each until it waits or is done; returns what each returned or raised."""

    async def run_all(functions: tuple[Callable[[], Any], ...]) -> list[Any]:
        runs = asyncio.gather(*(host.run(function) for function in functions), return_exceptions=True)
        return await asyncio.wait_for(runs, PATIENCE_SECONDS)

    return lambda *functions: asyncio.run(run_all(functions))


def test_a_function_gets_its_arguments_and_its_caller_the_answer(host: GreenletHost) -> None:
    assert asyncio.run(host.run(int, "ff", base=16)) == 255


def test_a_function_runs_in_the_thread_of_the_loop(together: Together) -> None:
    assert together(threading.get_ident) == [threading.get_ident()]


def test_an_exception_reaches_the_caller(together: Together) -> None:
    (raised,) = together(lambda: divmod(1, 0))

    assert isinstance(raised, ZeroDivisionError)


def test_a_blocking_call_is_done_in_another_thread(together: Together) -> None:
    (answered,) = together(lambda: call_blocking(threading.get_ident))

    assert answered != threading.get_ident()


def test_a_blocking_call_gets_its_arguments_and_gives_its_answer(together: Together) -> None:
    assert together(lambda: call_blocking(int, "ff", base=16)) == [255]


def test_an_exception_of_a_blocking_call_is_raised_where_it_was_called(together: Together) -> None:
    def divide() -> str:
        with pytest.raises(ZeroDivisionError):
            call_blocking(divmod, 1, 0)
        return "caught"

    assert together(divide) == ["caught"]


def test_an_exception_of_a_blocking_call_that_nobody_catches_reaches_the_caller(together: Together) -> None:
    (raised,) = together(lambda: call_blocking(divmod, 1, 0))

    assert isinstance(raised, ZeroDivisionError)


def test_other_requests_go_on_while_one_is_in_a_blocking_call(together: Together) -> None:
    is_over = threading.Event()

    assert together(lambda: call_blocking(is_over.wait, PATIENCE_SECONDS), is_over.set) == [True, None]


def test_a_function_can_call_and_wait_one_time_after_the_other(together: Together) -> None:
    flags = [Flag(), Flag()]

    def wait() -> list[Any]:
        return [flags[0].wait(), call_blocking(len, "four"), flags[1].wait(), call_blocking(len, "seven!!")]

    def set_both() -> None:
        flags[0].set()
        flags[1].set()

    assert together(wait, set_both)[0] == [True, 4, True, 7]


def test_outside_of_a_host_a_blocking_call_is_done_at_once() -> None:
    assert call_blocking(threading.get_ident) == threading.get_ident()


def test_outside_of_a_host_there_is_no_pause() -> None:
    assert find_pause() is None


def test_code_of_the_loop_itself_has_no_pause() -> None:
    async def find() -> object:
        return find_pause()

    assert asyncio.run(find()) is None


def test_each_request_has_context_variables_of_its_own(together: Together) -> None:
    # Flask keeps the request in one.
    flag = Flag()

    def remember(name: str) -> str:
        _name.set(name)
        flag.wait(0.01)
        return _name.get()

    assert together(lambda: remember("a"), lambda: remember("b")) == ["a", "b"]
    assert _name.get("none") == "none"


def test_a_request_that_is_canceled_ends_where_it_waits(host: GreenletHost) -> None:
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            Flag().wait()
        except BaseException as error:
            ended.append(error)
            raise

    async def cancel() -> None:
        waiting = asyncio.ensure_future(host.run(wait))
        waiting.get_loop().call_soon(waiting.cancel)
        await waiting

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())
    assert [type(error) for error in ended] == [asyncio.CancelledError]


def test_a_flag_that_is_raised_for_a_canceled_request_hinders_no_other(host: GreenletHost) -> None:
    abandoned, other = Flag(), Flag()

    def raise_both() -> None:
        abandoned.set()
        other.set()

    async def cancel_one() -> bool:
        canceled = asyncio.ensure_future(host.run(abandoned.wait))
        waiting = asyncio.ensure_future(host.run(other.wait, PATIENCE_SECONDS))
        canceled.get_loop().call_soon(canceled.cancel)
        with pytest.raises(asyncio.CancelledError):
            await canceled
        await host.run(raise_both)
        return await waiting

    assert asyncio.run(cancel_one())
