"""One API process that gathers jobs, with a clock that a test moves."""

from typing import Any

import pytest

from api.gathering import Bounds, Entry, Gathering
from tests.builders import job_spec

MOST_ROWS = 10
MOST_BYTES = 1_000
#: More than arithmetic with floats loses of a moment.
MOMENT = 1e-9


class Process:
    """It does what is due when a test says so, and then looks again when it was told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.live_workers: int | None = 1
        self._gathering: Gathering[Entry] = Gathering(Bounds(MOST_ROWS, MOST_BYTES))
        self._entries: dict[str, Entry] = {}

    def gather(
        self, *job_ids: str, rows: int = 1, size_bytes: int = 10, is_awaited: bool = False, **overrides: Any
    ) -> None:
        """Take jobs on; rows and bytes are those of each."""
        for job_id in job_ids:
            spec = job_spec(job_id, rows=[[181.0, 44.0]] * rows, **overrides)
            self._entries[job_id] = Entry(spec, size_bytes, self.now, is_awaited)
            self._gathering.add(self._entries[job_id])

    def step(self) -> tuple[list[str], list[str]]:
        """Do what is due; returns the jobs that were recorded, and those that left as one message."""
        step = self._gathering.next_step(self.now)
        if step.send:
            self._gathering.sent(step.send, now=self.now, live_workers=self.live_workers)
        return [entry.spec.id for entry in step.accept], [entry.spec.id for entry in step.send]

    def messages(self) -> list[list[str]]:
        """Do all that is due; returns the jobs of each message."""
        steps = iter(self.step, ([], []))
        return [sent for _, sent in steps if sent]

    def waits_seconds(self) -> float | None:
        """Return how long nothing is due, if nothing happens; None: for ever."""
        step = self._gathering.next_step(self.now)
        assert (step.accept, step.send) == ([], [])
        return None if step.again_at is None else step.again_at - self.now

    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds

    def answer(self, *job_ids: str, after_seconds: float = 0.0) -> None:
        self.now += after_seconds
        self._gathering.answered(job_ids, self.now)

    def drop(self, *job_ids: str) -> None:
        self._gathering.drop([self._entries[job_id] for job_id in job_ids])


@pytest.fixture
def process() -> Process:
    return Process()


@pytest.fixture
def busy() -> Process:
    """A process whose only message, with the job `first`, is unanswered."""
    process = Process()
    process.gather("first")
    assert process.messages() == [["first"]]
    return process
