"""What the API processes of one host have counted together. They are real processes, forked as granian forks."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import pytest

from api.host_tallies import HostTallies, NoPlaceLeft
from shared.metrics import PROBLEMS

FORK = multiprocessing.get_context("fork")
SERIES = (PROBLEMS.name, "not_found")


def count(host: HostTallies, ours: Connection, theirs: Connection) -> None:
    """Claim a place, count once, and live until told to end."""
    ours.close()
    host.claim().counter(PROBLEMS, "not_found").add()
    theirs.send("counted")
    theirs.poll(60.0)


@contextmanager
def counting_process(host: HostTallies) -> Iterator[Callable[[], None]]:
    """Run a process that has counted once; what is yielded kills it."""
    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=count, args=(host, ours, theirs))
    process.start()
    theirs.close()

    def kill() -> None:
        process.kill()
        process.join()

    try:
        assert ours.recv() == "counted"
        yield kill
    finally:
        kill()
        ours.close()


@pytest.fixture
def host() -> HostTallies:
    return HostTallies(2)


def test_processes_that_live_together_are_added_up(host: HostTallies) -> None:
    with counting_process(host), counting_process(host):
        assert host.totals()[SERIES] == [2.0]


def test_what_a_killed_process_has_counted_stays(host: HostTallies) -> None:
    with counting_process(host) as kill:
        kill()

    assert host.totals()[SERIES] == [1.0]


def test_a_process_goes_on_in_the_place_of_one_that_was_killed() -> None:
    host = HostTallies(1)
    with counting_process(host) as kill:
        kill()

        with counting_process(host):
            assert host.totals()[SERIES] == [2.0]


def test_a_process_too_many_is_refused(host: HostTallies) -> None:
    with counting_process(host), counting_process(host), pytest.raises(NoPlaceLeft):
        host.claim()


def test_a_host_begins_at_nothing(host: HostTallies) -> None:
    assert host.totals() == {}
