"""Stopping: a worker that is told to stop finishes what is in hand, or gives it back before its time is over."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable

from shared.batch_store import BatchStore
from shared.broker import Broker
from shared.errors import DependencyError
from shared.job_store import JobStore
from shared.jobs import StepKind
from worker.lease_keeper import LeaseKeeper
from worker.suspects import forgive
from worker.sweeper import group_for_resend

log = logging.getLogger(__name__)

#: Kept of the time to stop for giving back what is in hand.
GIVE_BACK_SECONDS = 5.0
_DRAINING = (signal.SIGTERM, signal.SIGINT)


class GiveBack:
    """Queues the jobs in hand again and sends their messages, so that another worker takes them at once."""

    def __init__(self, jobs: JobStore, batches: BatchStore, broker: Broker, leases: LeaseKeeper) -> None:
        self._jobs = jobs
        self._batches = batches
        self._broker = broker
        self._leases = leases

    def run(self) -> int:
        """Return how many jobs were given back. Never raises: the leases of others run out, and they are swept."""
        held = self._leases.in_hand
        if held is None:
            return 0
        try:
            released = self._jobs.release(held.job_ids, held.token)
            for job in released.jobs:
                step = job.spec.step
                if step is not None and step.kind is StepKind.CHUNK:
                    forgive(self._batches, step.batch_id, step.index)
            for specs in group_for_resend(released.jobs):
                self._broker.send(specs, enqueued_at=released.at)
        except DependencyError as error:
            log.warning("jobs in hand not given back, they are swept", extra={"detail": error.detail})
            return 0
        return len(released.jobs)


class Stopping:
    """One thread that hears signals while the main thread predicts.

    Python runs signal handlers in the main thread, which may sit in native code; only a thread of its own can act then.
    Celery's handler of SIGTERM lets the message in hand be finished and takes no other. SIGQUIT gives back at once.
    """

    def __init__(self, give_back: GiveBack, *, stop_seconds: float, on_drain: Callable[[], None]) -> None:
        """stop_seconds: from SIGTERM to the end of this process. on_drain: called when the worker is told to stop."""
        self._give_back = give_back
        self._drain_seconds = max(stop_seconds - GIVE_BACK_SECONDS, stop_seconds / 2)
        self._give_back_seconds = stop_seconds - self._drain_seconds
        self._on_drain = on_drain

    def start(self) -> None:
        """Begin to listen; called in the main thread, after Celery has set its own handlers."""
        self._ears, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        # The C part of the signal handler writes here, whatever the main thread does.
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        # Celery's would try to cancel what cannot be canceled.
        signal.signal(signal.SIGQUIT, lambda _number, _frame: None)
        threading.Thread(target=self._listen, name="stopping", daemon=True).start()

    def _listen(self) -> None:
        until: float | None = None
        while True:
            number = self._hear(until)
            if number in (None, signal.SIGQUIT):
                break
            if number in _DRAINING and until is None:
                until = time.monotonic() + self._drain_seconds
                log.info("draining", extra={"seconds": self._drain_seconds})
                # It may wait for the store, and this thread must not.
                threading.Thread(target=self._on_drain, daemon=True).start()
        self._end()

    def _hear(self, until: float | None) -> int | None:
        """Return the number of the next signal, or None when the time is over."""
        self._ears.settimeout(None if until is None else max(until - time.monotonic(), 0.001))
        try:
            return self._ears.recv(1)[0]
        except TimeoutError:
            return None

    def _end(self) -> None:
        # Whatever the servers do, this process ends in time.
        last = threading.Timer(0.8 * self._give_back_seconds, os._exit, [os.EX_OK])
        last.daemon = True
        last.start()
        jobs = self._give_back.run()
        log.warning("stopped with jobs in hand, which were given back" if jobs else "stopped", extra={"jobs": jobs})
        # The thread that predicts may sit in native code: nothing softer reaches it.
        os._exit(os.EX_OK)
