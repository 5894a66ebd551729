"""Which jobs are read together, and what a failure of a group is to each of its readers."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from api.grouped_reads import READ_JOBS, GroupedReads
from shared.errors import StoreUnavailable
from shared.jobs import Job
from shared.settings import Settings
from tests.builders import job_spec
from tests.fakes import FakeJobStore
from tests.unit.api.group_commit.conftest import PATIENCE_SECONDS, Gate

#: So many readers may wait at once in these tests.
READERS = READ_JOBS + 10
UNREADABLE = "prd_unreadable"


class GatedStore(FakeJobStore):
    """A store that can be held up, that notes what it was asked, and that has a record which nobody can read."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate = Gate()
        self.asked: list[list[str]] = []
        self.fault: Exception | None = None

    def find_all(self, job_ids: Sequence[str]) -> list[Job | None]:
        self.asked.append(list(job_ids))
        self.gate.go_through()
        if self.fault is not None:
            raise self.fault
        if UNREADABLE in job_ids:
            raise ValueError("no record")
        return super().find_all(job_ids)


class Readers:
    """Requests that read, each in a thread of its own."""

    def __init__(self, reads: GroupedReads, store: GatedStore, threads: ThreadPoolExecutor) -> None:
        self._reads = reads
        self._store = store
        self._threads = threads

    def read(self, job_id: str) -> "Future[Job | None]":
        return self._threads.submit(self._reads.find, job_id)

    def read_together(self, *job_ids: str) -> "list[Future[Job | None]]":
        """Let all of these be asked for while a first read is under way."""
        self._store.gate.close()
        first = self.read("prd_first")
        self._store.gate.wait_until_reached()
        others = [self.read(job_id) for job_id in job_ids]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self._reads._waiting) < len(job_ids):
            assert time.monotonic() < deadline
        self._store.gate.open()
        first.exception(PATIENCE_SECONDS)
        return others


@pytest.fixture
def store(settings: Settings) -> GatedStore:
    return GatedStore(settings)


@pytest.fixture
def readers(store: GatedStore) -> Iterator[Readers]:
    with ThreadPoolExecutor(READERS + 1) as threads:
        yield Readers(GroupedReads(store), store, threads)
        store.gate.open()


def test_a_lone_read_leaves_at_once(readers: Readers, store: GatedStore) -> None:
    store.accept([job_spec("prd_a")])

    job = readers.read("prd_a").result(PATIENCE_SECONDS)

    assert job == store.find("prd_a")
    assert store.asked == [["prd_a"]]


def test_reads_that_come_while_one_is_under_way_share_the_next_round_trip(readers: Readers, store: GatedStore) -> None:
    store.accept([job_spec("prd_a"), job_spec("prd_b")])

    a, none, b, again = readers.read_together("prd_a", "prd_none", "prd_b", "prd_a")

    found = [read.result(PATIENCE_SECONDS) for read in (a, none, b, again)]
    assert found == [store.find("prd_a"), None, store.find("prd_b"), store.find("prd_a")]
    assert [sorted(group) for group in store.asked] == [["prd_first"], ["prd_a", "prd_a", "prd_b", "prd_none"]]


def test_a_round_trip_is_bounded(readers: Readers, store: GatedStore) -> None:
    many = readers.read_together(*(f"prd_{number}" for number in range(READ_JOBS + 3)))

    assert [read.result(PATIENCE_SECONDS) for read in many] == [None] * (READ_JOBS + 3)
    assert [len(group) for group in store.asked] == [1, READ_JOBS, 3]


def test_a_store_that_is_away_is_asked_once_for_all(readers: Readers, store: GatedStore) -> None:
    store.fault = StoreUnavailable("away")

    both = readers.read_together("prd_a", "prd_b")

    errors = [read.exception(PATIENCE_SECONDS) for read in both]
    assert [(type(error), str(error)) for error in errors] == [(StoreUnavailable, "away")] * 2
    assert errors[0] is not errors[1]
    assert [len(group) for group in store.asked] == [1, 2]


def test_a_record_that_cannot_be_read_is_no_others_failure(readers: Readers, store: GatedStore) -> None:
    store.accept([job_spec("prd_a"), job_spec("prd_b")])

    a, unreadable, b = readers.read_together("prd_a", UNREADABLE, "prd_b")

    assert isinstance(unreadable.exception(PATIENCE_SECONDS), ValueError)
    assert [a.result(PATIENCE_SECONDS), b.result(PATIENCE_SECONDS)] == [store.find("prd_a"), store.find("prd_b")]


def test_reading_goes_on_after_a_failure(readers: Readers, store: GatedStore) -> None:
    store.accept([job_spec("prd_a")])
    assert isinstance(readers.read(UNREADABLE).exception(PATIENCE_SECONDS), ValueError)

    job = readers.read("prd_a").result(PATIENCE_SECONDS)

    assert job == store.find("prd_a")
