"""Measures: what a worker counts of its work; and the thread that reports it to the store."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from shared.errors import DependencyError, StoreUnavailable
from shared.jobs import Outcome
from shared.messages import MessageUnreadable
from shared.metrics import (
    BUSY_SECONDS,
    JOB_ERRORS,
    JOBS_RESENT,
    MESSAGE_ROWS,
    MESSAGES,
    PREDICT_SECONDS,
    ROWS,
    Totals,
    add_totals,
)
from shared.queues import Lane
from shared.tally import Tally

log = logging.getLogger(__name__)

#: How often a worker reports; a worker that is killed takes what it counted since with it.
REPORT_SECONDS = 2.0


class Measures:
    """Counts in the tally of this worker; thread-safe."""

    def __init__(self, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._message_rows = self._tally.histogram(MESSAGE_ROWS)

    @contextmanager
    def message(self, lane: Lane) -> Iterator[None]:
        """Count the message that is worked on in the block, by what becomes of it."""
        outcome = "failed"
        try:
            yield
            outcome = "done"
        except StoreUnavailable:
            outcome = "left"
            raise
        except MessageUnreadable:
            outcome = "dropped"
            raise
        finally:
            self._tally.counter(MESSAGES, lane, outcome).add()

    def predicted(self, model: str, version: str, *, rows: int, seconds: float) -> None:
        """Count one pass of the model over the rows of a message of predictions."""
        self._message_rows.observe(rows)
        self._tally.histogram(PREDICT_SECONDS, model, version).observe(seconds)

    def rows(self, lane: Lane, *, predicted: int, failed: int) -> None:
        """Count rows that were worked on."""
        self._tally.counter(ROWS, lane, "predicted").add(predicted)
        self._tally.counter(ROWS, lane, "failed").add(failed)

    def busy(self, lane: Lane, seconds: float) -> None:
        """Count the time that a message was in hand."""
        self._tally.counter(BUSY_SECONDS, lane).add(seconds)

    def failures(self, outcomes: Iterable[Outcome]) -> None:
        """Count the jobs among these that failed, by their error."""
        for outcome in outcomes:
            if outcome.error is not None:
                self.job_errors(outcome.error.code)

    def job_errors(self, code: str, jobs: int = 1) -> None:
        """Count jobs that failed of one error."""
        self._tally.counter(JOB_ERRORS, code).add(jobs)

    def resent(self, jobs: int) -> None:
        """Count jobs that were sent again."""
        self._tally.counter(JOBS_RESENT).add(jobs)

    def totals(self) -> Totals:
        """Return what was counted so far."""
        return self._tally.totals()


class Reports(Protocol):
    """Where reports go."""

    def report(self, process: str, number: int, growth: Totals) -> None:
        """Take a report; the same one twice counts once. Raises StoreUnavailable."""


class Reporter:
    """Tells the store every REPORT_SECONDS what has been counted since the last time."""

    def __init__(self, measures: Measures, store: Reports, process: str) -> None:
        self._measures = measures
        self._store = store
        self._process = process
        self._reported: Totals = {}
        #: A report that got no answer is told again under its number, because it may have arrived.
        self._pending: Totals = {}
        self._number = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Report for the last time."""
        self._stopping.set()
        self._thread.join(REPORT_SECONDS)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopping.wait(REPORT_SECONDS)
            try:
                self.report()
            except DependencyError as error:
                log.warning("counts not reported, trying again", extra={"detail": error.detail})
            except Exception:
                # What is counted must never end what is done, but a defect has to be seen.
                log.exception("counts not reported on a defect, trying again")

    def report(self) -> None:
        """Tell what was counted since the last report; raises StoreUnavailable."""
        if not self._pending:
            self._pending = _growth(self._measures.totals(), self._reported)
            self._number += 1
        if self._pending:
            self._store.report(self._process, self._number, self._pending)
            add_totals(self._reported, self._pending)
            self._pending = {}


def _growth(totals: Totals, before: Totals) -> Totals:
    growth = {
        series: [number - old for number, old in zip(numbers, before.get(series, [0.0] * len(numbers)), strict=True)]
        for series, numbers in totals.items()
    }
    return {series: numbers for series, numbers in growth.items() if any(numbers)}
