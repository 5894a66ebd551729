"""Which jobs leave together, and when: group commit as a state machine, without threads, clock or connections.

An idle process sends a job at once. Jobs gather while something is being written, while the workers have enough to do,
and for a moment after an answer, because the clients that got it are about to ask again. They leave as one message.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.jobs import JobSpec
from shared.values import value

#: A job that has to wait for its message is recorded after this, so that its 202 does not wait for a worker. A client
#: that waits for the result gets no 202 meanwhile, so its job is recorded with its message.
ACCEPT_SECONDS = 0.005
#: A message leaves after this, whatever the workers do; it is well below the time after which a sweeper steps in.
HOLD_SECONDS = 1.0
#: A message unanswered for so long is lost or in the hands of a dead worker, and holds nobody up any more.
LOST_SECONDS = 15.0
#: After an answer to several clients, what has gathered waits for as many jobs more, for at most this share of what the
#: answer took, and for no longer than this. The share grows while at least half of the clients come back in time, and
#: shrinks while fewer do: a message that carries all of them costs the least, but not all clients come back.
FIRST_RETURN_SHARE = 1 / 2
RETURN_SHARES = (1 / 8, 2.0)
RETURN_SECONDS = 0.060

#: Jobs of one model version and one lane can share a message.
StreamKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a message may get; a larger job leaves alone."""

    rows: int
    size_bytes: int


@dataclass(eq=False, slots=True)
class Entry:
    """One job on its way. Times are seconds by the caller's clock."""

    spec: JobSpec
    size_bytes: int
    gathered_at: float
    #: A client waits for the result.
    is_awaited: bool

    @property
    def key(self) -> StreamKey:
        return self.spec.model.key, self.spec.lane.value


E = TypeVar("E", bound=Entry)


@value
class Step(Generic[E]):
    """What to do next: record some jobs, then send some as one message. Nothing at all: look again later."""

    accept: list[E] = field(default_factory=list)
    send: list[E] = field(default_factory=list)
    #: When to look again, unless something happens before; None: only then.
    again_at: float | None = None


@dataclass(eq=False, slots=True)
class _Message:
    """A message on its way to an answer."""

    sent_at: float
    #: Jobs that have no end yet, and how many clients waited for one.
    job_ids: set[str]
    clients: int


class _Stream(Generic[E]):
    """Jobs that can share a message."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        #: Recorded, and not recorded: the former were gathered before the latter.
        self.accepted: deque[E] = deque()
        self.fresh: deque[E] = deque()
        self._rows = 0
        self._size_bytes = 0
        self.unanswered: list[_Message] = []
        #: Messages that keep the workers busy: with two API processes, one is in a worker's hands and one on its way.
        self.window = 1
        self._returning = 0
        self._return_until = float("-inf")
        self._return_share = FIRST_RETURN_SHARE

    def __len__(self) -> int:
        return len(self.accepted) + len(self.fresh)

    def add(self, entry: E) -> None:
        self.fresh.append(entry)
        self._count(entry, +1)

    def _count(self, entry: E, sign: int) -> None:
        self._rows += sign * len(entry.spec.rows)
        self._size_bytes += sign * entry.size_bytes

    def since(self) -> float:
        """Return when its first job was gathered; infinity without any."""
        return (self.accepted or self.fresh)[0].gathered_at if len(self) else float("inf")

    def leaves_at(self, now: float) -> float | None:
        """Return when a message leaves if nothing else happens, now or earlier for at once; None without any job."""
        if not len(self):
            return None
        if self._rows >= self._bounds.rows or self._size_bytes >= self._bounds.size_bytes:
            return now
        held_until = self.since() + HOLD_SECONDS
        if len(self.unanswered) >= self.window:
            return min(held_until, self.unanswered[0].sent_at + LOST_SECONDS)
        if len(self) < self._returning:
            return min(held_until, self._return_until)
        return now

    def accept_at(self) -> float | None:
        """Return when jobs are recorded without their message; None if no client waits for a 202 alone."""
        first = next((entry for entry in self.fresh if not entry.is_awaited), None)
        return None if first is None else first.gathered_at + ACCEPT_SECONDS

    def take_message(self) -> Step[E]:
        """Take as many jobs as one message may hold, in the order in which they came."""
        if self._returning:
            self._learn_from_return()
        accept: list[E] = []
        send: list[E] = []
        rows = size_bytes = 0
        while len(self):
            entry = (self.accepted or self.fresh)[0]
            rows += len(entry.spec.rows)
            size_bytes += entry.size_bytes
            if send and (rows > self._bounds.rows or size_bytes > self._bounds.size_bytes):
                break
            if self.accepted:
                self.accepted.popleft()
            else:
                accept.append(self.fresh.popleft())
            send.append(entry)
            self._count(entry, -1)
        return Step(accept, send)

    def _learn_from_return(self) -> None:
        """Wait longer for the next clients if these have come back, and less long if not."""
        factor = 2.0 if 2 * len(self) >= self._returning else 0.5
        least, most = RETURN_SHARES
        self._return_share = min(max(self._return_share * factor, least), most)
        self._returning = 0

    def take_fresh(self) -> Step[E]:
        """Take the jobs that are not recorded; they stay gathered for a message."""
        accept = list(self.fresh)
        self.accepted.extend(accept)
        self.fresh.clear()
        return Step(accept)

    def drop(self, entry: E) -> None:
        """Forget a gathered job."""
        self.accepted.remove(entry)
        self._count(entry, -1)

    def drop_ended(self, job_id: str) -> None:
        """Forget a gathered job that has its end: sent all the same, it would keep its message unanswered."""
        for entry in self.accepted:
            if entry.spec.id == job_id:
                self.drop(entry)
                return

    def pop_lost(self, now: float) -> Iterator[_Message]:
        """Take out the messages that nobody counts on any more."""
        while self.unanswered and self.unanswered[0].sent_at + LOST_SECONDS <= now:
            yield self.unanswered.pop(0)

    def answer(self, message: _Message, now: float) -> None:
        self.unanswered.remove(message)
        if message.clients > 1:
            self._returning = len(self) + message.clients
            self._return_until = now + min(RETURN_SECONDS, self._return_share * (now - message.sent_at))


class Gathering(Generic[E]):
    """The jobs of one API process between their requests and their messages."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._streams: dict[StreamKey, _Stream[E]] = {}
        self._messages: dict[str, tuple[_Stream[E], _Message]] = {}

    def add(self, entry: E) -> None:
        """Gather one job."""
        self._stream(entry.key).add(entry)

    def _stream(self, key: StreamKey) -> _Stream[E]:
        found = self._streams.get(key)
        if found is None:
            found = self._streams[key] = _Stream(self._bounds)
        return found

    def next_step(self, now: float) -> Step[E]:
        """Return what is due, and take it out; what `accept` has and `send` has not stays gathered."""
        again_at: float | None = None
        # The job that came first goes first, so that a flood of one model holds up no other.
        for stream in sorted(self._streams.values(), key=_Stream.since):
            for lost in stream.pop_lost(now):
                for job_id in lost.job_ids:
                    del self._messages[job_id]
            leaves_at = stream.leaves_at(now)
            if leaves_at is None:
                continue
            if leaves_at <= now:
                return stream.take_message()
            accept_at = stream.accept_at()
            if accept_at is not None:
                if accept_at <= now:
                    return stream.take_fresh()
                leaves_at = min(leaves_at, accept_at)
            again_at = leaves_at if again_at is None else min(again_at, leaves_at)
        return Step(again_at=again_at)

    def drop(self, entries: Iterable[E]) -> None:
        """Forget gathered jobs that could not be recorded."""
        for entry in entries:
            self._streams[entry.key].drop(entry)

    def sent(self, entries: Sequence[E], *, now: float, live_workers: int | None) -> None:
        """Note a message on its way; live_workers: those that can take it, None when nobody knows."""
        stream = self._streams[entries[0].key]
        if live_workers is not None:
            stream.window = max(1, live_workers)
        job_ids = {entry.spec.id for entry in entries}
        message = _Message(now, job_ids, sum(entry.is_awaited for entry in entries))
        stream.unanswered.append(message)
        self._messages.update(dict.fromkeys(job_ids, (stream, message)))

    def answered(self, job_ids: Iterable[str], now: float) -> None:
        """Note that jobs have their ends, sent or not; those of other processes are passed over."""
        for job_id in job_ids:
            found = self._messages.pop(job_id, None)
            if found is None:
                for gathered in self._streams.values():
                    gathered.drop_ended(job_id)
                continue
            stream, message = found
            message.job_ids.discard(job_id)
            if not message.job_ids:
                stream.answer(message, now)
