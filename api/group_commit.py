"""Accept and send the jobs of many requests together: one round trip records them all, one message carries them all."""

import copy
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue

from api.flag import Flag
from api.gathering import Bounds, Entry, Gathering, Step
from api.refusals import Overloaded, RateLimited
from shared.broker import Broker
from shared.errors import BrokerUnavailable
from shared.job_store import Accepted, JobStore
from shared.job_terms import Earlier
from shared.jobs import Job, JobSpec, JobStatus

log = logging.getLogger(__name__)

#: After a failure to send, messages are left to the sweeper for so long, and for so many times as long as the failure
#: took: a broker that hangs must not hold up the recording of jobs, which is the promise.
BROKER_REST_SECONDS = 2.0
BROKER_REST_FACTOR = 5.0


class AcceptedBefore(Exception):
    """Raised when another job was accepted for the same idempotency key, or under the same id of its client."""

    def __init__(self, earlier: Earlier) -> None:
        super().__init__(earlier)
        self.earlier = earlier


class Ticket(Entry):
    """One request's share in a group."""

    __slots__ = ("_error", "_result", "accepted", "decided")

    def __init__(self, spec: JobSpec, *, size_bytes: int, result: Flag | None) -> None:
        super().__init__(spec, size_bytes, time.monotonic(), is_awaited=result is not None)
        self._result = result
        #: Raised once it is accepted, or is not.
        self.decided = Flag()
        self._error: Exception | None = None
        #: Set once the record is written.
        self.accepted: Accepted | None = None

    def refuse(self, error: Exception) -> None:
        """Note that the job was not accepted, and end the wait for its result."""
        self._error = error
        self.decided.set()
        if self._result is not None:
            self._result.set()

    def decide(self) -> None:
        """Let the request go on."""
        self.decided.set()

    def accepted_job(self) -> Job:
        """Wait until it is decided, and return the job as it was accepted; raises what the group failed of."""
        self.decided.wait()
        if self._error is not None:
            # Each request raises its own, because a traceback belongs to one thread; the cause tells where it happened.
            raise copy.copy(self._error) from self._error
        assert self.accepted is not None
        return _queued_job(self.spec, self.accepted)


def _queued_job(spec: JobSpec, accepted: Accepted) -> Job:
    return Job(spec, JobStatus.QUEUED, 0, accepted.created_at, queue=accepted.queue)


def _find_refusal(accepted: Accepted) -> Exception | None:
    """Return why a job was not accepted; None if it was."""
    if accepted.retry_after_seconds is not None:
        refusal = RateLimited if accepted.is_spent else Overloaded
        return refusal(accepted.retry_after_seconds)
    return None if accepted.earlier is None else AcceptedBefore(accepted.earlier)


def _settle(ticket: Ticket, accepted: Accepted) -> Ticket | None:
    """Note what became of a job; returns the ticket if it was not accepted."""
    refusal = _find_refusal(accepted)
    if refusal is None:
        ticket.accepted = accepted
        return None
    ticket.refuse(refusal)
    return ticket


class GroupCommit:
    """Accepts jobs of one API process: the record first, the message second. One thread does both.

    on_accepted: is told how many jobs were recorded, for each group.
    """

    def __init__(
        self, jobs: JobStore, broker: Broker, bounds: Bounds, *, on_accepted: Callable[[int], None] | None = None
    ) -> None:
        self._jobs = jobs
        self._on_accepted = on_accepted or _do_nothing
        self._broker = broker
        self._gathering: Gathering[Ticket] = Gathering(bounds)
        #: Jobs to take on, and ids of jobs that have their ends; only the thread touches the rest.
        self._inbox: SimpleQueue[Ticket | Collection[str]] = SimpleQueue()
        self._broker_rests_until = float("-inf")

    def start(self) -> None:
        """Start the thread; it lives as long as the process."""
        threading.Thread(target=self._run, name="group-commit", daemon=True).start()

    def add(self, spec: JobSpec, *, size_bytes: int, result: Flag | None = None) -> Ticket:
        """Take a job on.

        result: raised when the job has its end, if a request waits for it; a refusal raises it too.
        """
        ticket = Ticket(spec, size_bytes=size_bytes, result=result)
        self._inbox.put(ticket)
        return ticket

    def answered(self, job_ids: Collection[str]) -> None:
        """Note that jobs have their ends, so that others can follow."""
        self._inbox.put(job_ids)

    def _run(self) -> None:
        while True:
            self._take_in(seconds=0.0)
            step = self._gathering.next_step(time.monotonic())
            if step.accept or step.send:
                self._carry_out(step)
            else:
                self._take_in(None if step.again_at is None else max(0.0, step.again_at - time.monotonic()))

    def _take_in(self, seconds: float | None) -> None:
        """Take in all that has come, and wait for it so long if nothing has; None: until something comes."""
        try:
            item = self._inbox.get(timeout=seconds)
            while True:
                if isinstance(item, Ticket):
                    self._gathering.add(item)
                else:
                    self._gathering.answered(item, time.monotonic())
                item = self._inbox.get_nowait()
        except Empty:
            return

    def _carry_out(self, step: Step[Ticket]) -> None:
        """Record, send, and tell the requests. Nothing may end this thread."""
        send = step.send
        try:
            if self._accept(step):
                send = []
        except Exception as error:
            # What is not of our tree is a bug, and each request reports it as such.
            send = [ticket for ticket in send if ticket not in step.accept]
            if not step.send:
                self._gathering.drop(step.accept)
            for ticket in step.accept:
                ticket.refuse(error)
        try:
            self._send(send)
        except Exception:
            log.exception("message left to the sweeper")
        for ticket in step.accept:
            ticket.decide()

    def _accept(self, step: Step[Ticket]) -> bool:
        """Record what is not recorded, and return whether the message has left with it."""
        if not step.accept:
            return False
        entry = self._broker.entry([ticket.spec for ticket in step.send]) if step.send else None
        granted = self._jobs.accept([ticket.spec for ticket in step.accept], entry=entry)
        refused = [_settle(ticket, accepted) for ticket, accepted in zip(step.accept, granted, strict=True)]
        if not step.send:
            self._gathering.drop(ticket for ticket in refused if ticket is not None)
        self._on_accepted(refused.count(None))
        if entry is None:
            return False
        now = time.monotonic()
        self._gathering.sent(step.send, now=now, live_workers=granted[-1].live_workers)
        # The workers find no record of these, and answer nothing.
        self._gathering.answered([ticket.spec.id for ticket in refused if ticket is not None], now)
        return True

    def accept_alone(self, spec: JobSpec) -> Job:
        """Record and send a job in this thread; for ids that their clients made, of which two may be under way.

        Raises AcceptedBefore, Overloaded, RateLimited, StoreUnavailable, StoreFull or NotReplicated.
        """
        entry = self._broker.entry([spec])
        (accepted,) = self._jobs.accept([spec], entry=entry)
        refusal = _find_refusal(accepted)
        if refusal is not None:
            raise refusal
        self._on_accepted(1)
        if entry is None:
            self.send_alone(spec, enqueued_at=accepted.created_at)
        return _queued_job(spec, accepted)

    def send_alone(self, spec: JobSpec, *, enqueued_at: float) -> None:
        """Send a job that is recorded; the sweeper does if the broker is away."""
        try:
            self._broker.send([spec], enqueued_at=enqueued_at)
        except BrokerUnavailable as error:
            log.warning("message left to the sweeper", extra={"job_id": spec.id, "detail": error.detail})

    def _send(self, tickets: Sequence[Ticket]) -> None:
        # What was refused, or accepted before under another id, has no record.
        tickets = [ticket for ticket in tickets if ticket.accepted is not None]
        records = [ticket.accepted for ticket in tickets if ticket.accepted is not None]
        if not records or time.monotonic() < self._broker_rests_until:
            return
        began = time.monotonic()
        self._gathering.sent(tickets, now=began, live_workers=records[-1].live_workers)
        try:
            enqueued_at = max(record.created_at for record in records)
            self._broker.send([ticket.spec for ticket in tickets], enqueued_at=enqueued_at)
        except Exception as error:
            # Nobody will answer it, so it must not count as on its way.
            now = time.monotonic()
            self._gathering.answered([ticket.spec.id for ticket in tickets], now)
            if not isinstance(error, BrokerUnavailable):
                raise
            self._broker_rests_until = now + max(BROKER_REST_SECONDS, BROKER_REST_FACTOR * (now - began))
            log.warning("message left to the sweeper", extra={"jobs": len(tickets), "detail": error.detail})


def _do_nothing(_jobs: int) -> None:
    """Stand in for whoever counts."""
