"""The two servers that faults are done to; real ones."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from benchmarks.chaos.store_pair import StorePair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[StorePair]:
    with StorePair.run(tmp_path) as pair:
        yield pair


def test_a_killed_primary_comes_back_with_every_write(pair: StorePair) -> None:
    with pair.client() as redis:
        redis.set("a", "1")
    pid = pair.pids["store"]

    pair.kill(down_seconds=0.0)

    with pair.client() as redis:
        assert redis.get("a") == b"1"
    assert pair.pids["store"] != pid


def test_a_server_outlives_the_thread_that_started_it_again(pair: StorePair) -> None:
    fault = threading.Thread(target=lambda: pair.kill(down_seconds=0.0))
    fault.start()
    fault.join()

    time.sleep(0.3)

    with pair.client() as redis:
        assert redis.ping()


def test_roles_change_without_a_lost_write_and_the_old_primary_lives_on(pair: StorePair) -> None:
    old = pair.primary_port
    with pair.client() as redis:
        redis.set("a", "1")

    pair.change_roles()

    assert pair.primary_port != old
    with pair.client() as redis:
        assert redis.get("a") == b"1"
        redis.set("b", "2")
    with Redis(port=old) as demoted, pytest.raises(ReadOnlyError):
        demoted.set("b", "3")


def test_a_pause_lets_nobody_be_answered(pair: StorePair) -> None:
    started = time.monotonic()
    pausing = threading.Thread(target=lambda: pair.pause(0.5))
    pausing.start()
    time.sleep(0.1)

    with pair.client() as redis:
        redis.set("a", "1")

    pausing.join()
    assert time.monotonic() - started >= 0.5


def test_a_full_server_refuses_new_data_until_it_has_room_again(pair: StorePair) -> None:
    pair.set_memory_full(True)
    with pair.client() as redis, pytest.raises(OutOfMemoryError):
        redis.set("a", "1")

    pair.set_memory_full(False)

    with pair.client() as redis:
        assert redis.set("a", "1")
