"""Whatever happens in whatever order: each job is recorded once, sent once, in order, and in time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from api.gathering import ACCEPT_SECONDS, HOLD_SECONDS, LOST_SECONDS, Bounds, Entry, Gathering, Step
from shared.jobs import ModelRef
from shared.queues import Lane
from tests.builders import job_spec

BOUNDS = Bounds(rows=10, size_bytes=1_000)
STREAMS = [
    {"model": ModelRef("gender", "1", "0" * 64), "lane": Lane.INTERACTIVE},
    {"model": ModelRef("gender", "2", "0" * 64), "lane": Lane.INTERACTIVE},
    {"model": ModelRef("gender", "1", "0" * 64), "lane": Lane.BULK},
]


class Process(RuleBasedStateMachine):
    """An API process that does at once what is due, and looks again when it was told to."""

    @initialize()
    def start(self) -> None:
        self.now = 100.0
        self.gathering: Gathering[Entry] = Gathering(BOUNDS)
        self.live_workers: int | None = 1
        self.is_store_full = False
        #: All jobs, in the order in which they came; those that are recorded and not sent; those sent.
        self.entries: list[Entry] = []
        self.recorded: list[Entry] = []
        self.sent: list[Entry] = []
        #: Those that could not be recorded, or had their end before they were sent.
        self.gone: list[Entry] = []

    @rule(
        stream=st.sampled_from(STREAMS),
        rows=st.integers(1, BOUNDS.rows + 2),
        size_bytes=st.integers(1, BOUNDS.size_bytes + 200),
        is_awaited=st.booleans(),
    )
    def gather(self, stream: dict[str, object], rows: int, size_bytes: int, *, is_awaited: bool) -> None:
        spec = job_spec(f"prd_{len(self.entries)}", rows=[[181.0, 44.0]] * rows, **stream)
        self.entries.append(Entry(spec, size_bytes, self.now, is_awaited))
        self.gathering.add(self.entries[-1])

    @rule(picks=st.lists(st.integers(0, 200), max_size=20))
    def answer(self, picks: list[int]) -> None:
        """Answer some of the jobs that a client knows; some of them again, and one of another process."""
        known = [*self.sent, *self.recorded]
        answered = [known[pick % len(known)] for pick in picks if known]
        self.gone += dict.fromkeys(entry for entry in answered if entry in self.recorded)
        self.recorded = [entry for entry in self.recorded if entry not in answered]
        self.gathering.answered([*(entry.spec.id for entry in answered), "prd_of_another_process"], self.now)

    @rule(live_workers=st.none() | st.integers(0, 3))
    def start_or_stop_workers(self, live_workers: int | None) -> None:
        self.live_workers = live_workers

    @rule(is_store_full=st.booleans())
    def fill_or_empty_store(self, *, is_store_full: bool) -> None:
        self.is_store_full = is_store_full

    @rule(seconds=st.floats(0, 0.05) | st.floats(0, HOLD_SECONDS) | st.just(LOST_SECONDS))
    def let_time_pass(self, seconds: float) -> None:
        until = self.now + seconds
        again_at = self.do_what_is_due()
        while again_at is not None and again_at <= until:
            assert again_at > self.now
            self.now = again_at
            again_at = self.do_what_is_due()
        self.now = until

    def do_what_is_due(self) -> float | None:
        """Take step after step; returns when to look again."""
        step = self.gathering.next_step(self.now)
        while step.accept or step.send:
            self.carry_out(step)
            step = self.gathering.next_step(self.now)
        self.require_nothing_is_late()
        return step.again_at

    def carry_out(self, step: Step[Entry]) -> None:
        for entry in step.accept:
            assert entry not in [*self.recorded, *self.sent, *self.gone]
        if self.is_store_full:
            self.gone += step.accept
            if not step.send:
                self.gathering.drop(step.accept)
        else:
            self.recorded += step.accept
        self.require_bounds(step.send)
        self.send([entry for entry in step.send if entry not in self.gone])

    def require_bounds(self, message: list[Entry]) -> None:
        rows = sum(len(entry.spec.rows) for entry in message)
        size_bytes = sum(entry.size_bytes for entry in message)
        assert len(message) <= 1 or (rows <= BOUNDS.rows and size_bytes <= BOUNDS.size_bytes)

    def send(self, message: list[Entry]) -> None:
        if not message:
            return
        (key,) = {entry.key for entry in message}
        of_stream = [entry for entry in self.recorded if entry.key == key]
        # Those that are recorded leave first, so the message is the head of the line.
        assert message == of_stream[: len(message)]
        self.recorded = [entry for entry in self.recorded if entry not in message]
        self.sent += message
        self.gathering.sent(message, now=self.now, live_workers=self.live_workers)

    def open_entries(self) -> list[Entry]:
        return [entry for entry in self.entries if entry not in [*self.sent, *self.gone]]

    def require_nothing_is_late(self) -> None:
        for entry in self.open_entries():
            assert entry.gathered_at + HOLD_SECONDS > self.now
            assert entry in self.recorded or entry.is_awaited or entry.gathered_at + ACCEPT_SECONDS > self.now

    def teardown(self) -> None:
        if not hasattr(self, "gathering"):
            return
        self.let_time_pass(HOLD_SECONDS)
        assert self.open_entries() == []
        for stream_key in {entry.key for entry in self.entries}:
            came = [entry for entry in self.entries if entry.key == stream_key and entry not in self.gone]
            assert [entry for entry in self.sent if entry.key == stream_key] == came
        assert self.gathering.next_step(self.now) == Step()


TestAnyOrder = Process.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
