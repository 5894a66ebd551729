"""A service under load, second by second: rows flow like water through messages, tasks and policies.

A fluid model: it knows averages and no chance, so it shows what scaling does and says nothing of the slowest 1 % of a
calm minute. Metrics come a minute late, a task starts in a minute.
"""

from collections import deque
from dataclasses import dataclass, field

from benchmarks.scaling.loads import Load
from benchmarks.scaling.policies import MINUTE, Minute, Scaler
from benchmarks.scaling.service_time import ServiceTime

#: From the end of a minute until CloudWatch knows it.
METRIC_DELAY_SECONDS = 60
#: From the decision until the new ECS task works. Assumed: Fargate takes 30 to 90 s with an image of this size.
START_SECONDS = 60
#: The API holds no message for longer (api/gathering.py).
_HELD_SECONDS = 1.0


@dataclass(slots=True)
class Run:
    """What happened: one value for each second."""

    arrived: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)
    #: What a message waits that is sent as soon as the API may, behind those of the other API processes.
    window: list[float] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def waits(self) -> list[float]:
        """Return how long the rows of each second waited, first in, first out, for those that were served."""
        waits: list[float] = []
        arrived_sum, served_sum, second = 0.0, 0.0, -1
        for start, rows in enumerate(self.arrived):
            arrived_sum += rows
            while served_sum < arrived_sum - 1e-6 and second + 1 < len(self.served):
                second += 1
                served_sum += self.served[second]
            if served_sum < arrived_sum - 1e-6:
                break
            waits.append(max(0.0, float(second - start), self.window[start]))
        return waits

    def late_share(self, seconds: float) -> float:
        """Return the share of the rows that waited for longer, those that were never served among them."""
        in_time = sum(rows for rows, wait in zip(self.arrived, self.waits(), strict=False) if wait <= seconds)
        return 1 - in_time / sum(self.arrived)

    @property
    def longest_wait(self) -> float:
        return max(self.waits(), default=0.0)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A service: what its tasks do, and who sends to it."""

    service: ServiceTime
    scaler: Scaler
    #: API processes; each gathers for itself. 0 for the API, which nothing gathers for.
    senders: int

    def run(self, load: Load, *, tasks: int, seconds: int) -> Run:
        """Return what happens when the service starts with so many tasks."""
        run = Run()
        state = _State(running=tasks, wanted=tasks)
        for second in range(seconds):
            self._serve(run, state, load(second))
            state.start_what_is_ready(second)
            if (second + 1) % MINUTE == 0:
                state.minutes.append(_minute_of(run, state))
                self._scale(state, second + 1)
        return run

    def _serve(self, run: Run, state: "_State", arriving: float) -> None:
        available = state.waiting + arriving
        share = available / state.running
        rows = self.service.rows_that_keep_up(share)
        # A sender that is behind gathers for a second, or until the message is full.
        fullest = (
            self.service.message_rows
            if not self.senders
            else min(self.service.message_rows, max(1.0, arriving / self.senders * _HELD_SECONDS))
        )
        rows = min(rows, fullest)
        served = min(available, state.running * self.service.rows_per_second(rows))
        state.waiting = available - served
        state.message_rows = rows
        run.arrived.append(arriving)
        run.served.append(served)
        run.waiting.append(state.waiting)
        # Rows gather while each API process has as many messages unanswered as there are workers.
        is_gathering = rows > 1 + 1e-9
        run.window.append(self.senders * self.service.seconds(rows) if is_gathering else 0.0)
        run.tasks.append(state.running)
        run.processor.append(100 * self.service.processor_share(served / state.running, rows))
        unanswered = self.senders if is_gathering else 0
        state.messages_per_task.append(max(state.waiting / rows / state.running, unanswered))

    def _scale(self, state: "_State", now: int) -> None:
        late_minutes = METRIC_DELAY_SECONDS // MINUTE
        if len(state.minutes) <= late_minutes:
            return
        wanted = self.scaler.decide(now, state.wanted, state.minutes[-1 - late_minutes])
        if wanted > state.wanted:
            state.starting.append((now + START_SECONDS, wanted - state.wanted))
        if wanted < state.wanted:
            state.remove(state.wanted - wanted)
        state.wanted = wanted


@dataclass(slots=True)
class _State:
    running: int
    wanted: int
    waiting: float = 0.0
    message_rows: float = 1.0
    starting: deque[tuple[int, int]] = field(default_factory=deque)
    minutes: list[Minute] = field(default_factory=list)
    messages_per_task: list[float] = field(default_factory=list)

    def start_what_is_ready(self, now: int) -> None:
        while self.starting and self.starting[0][0] <= now:
            self.running += self.starting.popleft()[1]

    def remove(self, count: int) -> None:
        """Stop tasks; those that are still starting go first."""
        while count and self.starting:
            ready_at, starting = self.starting.pop()
            gone = min(count, starting)
            count -= gone
            if starting > gone:
                self.starting.append((ready_at, starting - gone))
        self.running -= count


def _minute_of(run: Run, state: _State) -> Minute:
    return Minute(
        cpu_percent=sum(run.processor[-MINUTE:]) / MINUTE,
        messages_per_task=sum(state.messages_per_task[-MINUTE:]) / MINUTE,
        requests_per_task=sum(run.arrived[-MINUTE:]) / state.running,
        oldest_seconds=_oldest(run, MINUTE),
    )


def _oldest(run: Run, seconds: int) -> float:
    """Return the highest age of the oldest waiting row in the last seconds: what waits, by how fast it came."""
    return max(_age(run, index) for index in range(len(run.waiting) - seconds, len(run.waiting)))


def _age(run: Run, index: int) -> float:
    waiting, age = run.waiting[index], 0
    while waiting > 1e-6 and index - age >= 0:
        waiting -= run.arrived[index - age]
        age += 1
    return max(float(age), run.window[index])
