"""A group whose store and broker a test holds up, or lets fail."""

from collections.abc import Iterator, Sequence
from queue import SimpleQueue
from threading import Event

import pytest

from api.flag import Flag
from api.gathering import Bounds
from api.group_commit import Ticket
from shared.job_store import Accepted
from shared.jobs import Job, JobSpec, JobStatus
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.builders import job_spec
from tests.fakes import FakeBroker, FakeJobStore
from tests.unit.api.conftest import EndingGroupCommit

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0


class Gate:
    """Where the thread of a group waits while a test holds it up."""

    def __init__(self) -> None:
        self._is_open = Event()
        self._is_open.set()
        self._is_reached = Event()

    def close(self) -> None:
        self._is_reached.clear()
        self._is_open.clear()

    def wait_until_reached(self) -> None:
        assert self._is_reached.wait(PATIENCE_SECONDS)

    def open(self) -> None:
        self._is_open.set()

    def go_through(self) -> None:
        self._is_reached.set()
        assert self._is_open.wait(PATIENCE_SECONDS)


class GatedJobStore(FakeJobStore):
    """A store that can be held up, and that answers with a fault while a test gives it one."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.gate = Gate()
        self.fault: Exception | None = None
        self.asked: list[list[str]] = []

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        self.asked.append([spec.id for spec in specs])
        self.gate.go_through()
        if self.fault is not None:
            raise self.fault
        return super().accept(specs, entry=entry)


class GatedBroker(FakeBroker):
    """A broker that can be held up, and that answers with a fault while a test gives it one."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.fault: Exception | None = None
        self.tries = 0
        #: Its queues lie on the server of the store.
        self.is_in_store = False
        self._arrived: SimpleQueue[tuple[list[str], float]] = SimpleQueue()

    def entry(self, specs: Sequence[JobSpec]) -> QueueEntry | None:
        if not self.is_in_store:
            return None
        if self.fault is not None:
            raise self.fault
        return entry_of(*(spec.id for spec in specs))

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        self.tries += 1
        self.gate.go_through()
        if self.fault is not None:
            raise self.fault
        super().send(specs, enqueued_at=enqueued_at)
        self._arrived.put(([spec.id for spec in specs], enqueued_at))

    def next_message(self) -> tuple[list[str], float]:
        """Wait for a message; returns the ids of its jobs, and when it says that it was enqueued."""
        return self._arrived.get(timeout=PATIENCE_SECONDS)

    def next_ids(self) -> list[str]:
        return self.next_message()[0]


def entry_of(*job_ids: str) -> QueueEntry:
    """Return the message of these jobs, which such a broker leaves to the store."""
    return QueueEntry("queue", ",".join(job_ids).encode(), b"")


@pytest.fixture
def jobs(settings: Settings) -> GatedJobStore:
    return GatedJobStore(settings)


@pytest.fixture
def broker() -> GatedBroker:
    return GatedBroker()


@pytest.fixture
def group(jobs: GatedJobStore, broker: GatedBroker) -> Iterator[EndingGroupCommit]:
    """A group of which the thread is not started: what is added before leaves together."""
    group = EndingGroupCommit(jobs, broker, Bounds(rows=10, size_bytes=1_000))
    yield group
    jobs.gate.open()
    broker.gate.open()
    group.end()


def add(group: EndingGroupCommit, job_id: str, *, lane: Lane = Lane.INTERACTIVE, result: Flag | None = None) -> Ticket:
    return group.add(job_spec(job_id, lane=lane), size_bytes=10, result=result)


def send_first(group: EndingGroupCommit, broker: GatedBroker) -> None:
    """Start the group, and let it send a message that nobody answers."""
    group.start()
    assert add(group, "prd_first").accepted_job().status is JobStatus.QUEUED
    assert broker.next_ids() == ["prd_first"]


def get_error(ticket: Ticket, kind: type[Exception]) -> Exception:
    """Return what the request of this ticket raises."""
    with pytest.raises(kind) as refused:
        ticket.accepted_job()
    return refused.value


def find(jobs: FakeJobStore, job_id: str) -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job
