"""A flag that one thread raises for another."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.flag import Flag

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0


def test_a_flag_is_down_until_it_is_raised() -> None:
    flag = Flag()
    before = flag.wait(0)

    flag.set()

    assert (before, flag.wait(0)) == (False, True)


def test_a_wait_for_a_flag_that_stays_down_ends_in_time() -> None:
    flag = Flag()

    assert (flag.wait(0), flag.wait(0.01)) == (False, False)


@pytest.mark.parametrize("seconds", [-1, 0, PATIENCE_SECONDS], ids=["for ever", "not at all", "for a while"])
def test_a_flag_that_is_up_is_not_waited_for_and_stays_up(seconds: float) -> None:
    flag = Flag()
    flag.set()

    assert (flag.wait(seconds), flag.wait(seconds), flag.wait(0)) == (True, True, True)


def test_a_wait_in_vain_leaves_the_flag_down() -> None:
    flag = Flag()
    flag.wait(0)

    assert not flag.wait(0)


def test_a_flag_can_be_raised_more_than_once() -> None:
    flag = Flag()

    flag.set()
    flag.set()

    assert flag.wait(0)


def test_a_flag_wakes_every_thread_that_waits() -> None:
    flag = Flag()
    everybody_waits = threading.Barrier(9)

    def wait() -> bool:
        everybody_waits.wait(PATIENCE_SECONDS)
        return flag.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(8) as pool:
        waits = [pool.submit(wait) for _ in range(8)]
        everybody_waits.wait(PATIENCE_SECONDS)
        flag.set()

        assert [each.result() for each in waits] == [True] * 8


def test_threads_that_raise_a_flag_together_raise_it() -> None:
    flags = [Flag() for _ in range(200)]
    everybody_is_there = threading.Barrier(4)

    def raise_all() -> None:
        everybody_is_there.wait(PATIENCE_SECONDS)
        for flag in flags:
            flag.set()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(raise_all) for _ in range(4)]:
            done.result()

    assert all(flag.wait(0) for flag in flags)
