"""LeaseKeeper: renews the leases of the jobs in hand, and ends a process whose model hangs."""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from shared.errors import DependencyError
from shared.job_store import JobStore
from shared.settings import Settings

log = logging.getLogger(__name__)

#: Exit status of a worker that ended itself because a prediction hung (EX_SOFTWARE).
EXIT_HUNG = 70


@dataclass(frozen=True, slots=True)
class Holding:
    """The jobs of one message, held under one token."""

    job_ids: Sequence[str]
    token: str
    since: float


class LeaseKeeper:
    """One background thread per worker process; at most one message is held at a time."""

    def __init__(self, jobs: JobStore, settings: Settings) -> None:
        self._jobs = jobs
        self._interval = settings.lease_seconds / 3
        self._limit = settings.predict_timeout_seconds
        self._held: Holding | None = None

    @contextmanager
    def holding(self, job_ids: Sequence[str], token: str) -> Iterator[None]:
        """Keep these leases alive for the time of the block."""
        self._held = Holding(job_ids, token, time.monotonic())
        try:
            yield
        finally:
            self._held = None

    @property
    def in_hand(self) -> Holding | None:
        """What is held right now."""
        return self._held

    def progress(self) -> None:
        """Say that the work in hand goes on: the time that it may take begins again."""
        if self._held is not None:
            self._held = replace(self._held, since=time.monotonic())

    def start(self) -> None:
        """Start the thread; it lives as long as the process."""
        threading.Thread(target=self._keep, name="lease-keeper", daemon=True).start()

    def _keep(self) -> None:
        while True:
            time.sleep(self._interval)
            self.renew_once()

    def renew_once(self) -> None:
        """Renew what is held; end the process when it has been held for longer than a prediction may take."""
        held = self._held
        if held is None:
            return
        if time.monotonic() - held.since > self._limit:
            log.critical("prediction hangs, ending this process", extra={"jobs": len(held.job_ids)})
            # The thread that predicts may sit in native code: nothing softer reaches it.
            os._exit(EXIT_HUNG)
        try:
            self._jobs.renew(held.job_ids, held.token)
        except DependencyError as error:
            log.warning("leases not renewed", extra={"jobs": len(held.job_ids), "detail": error.detail})
