"""How far an upload, a batch and a download are: as lines for a log, or not at all; bars are in `progress_bars`."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from rowcall_client.batches import Batch
from rowcall_client.errors import RowcallError

#: A log gets no more than one line in this time.
LINE_INTERVAL_SECONDS = 5.0
#: Each unit of bytes is so many times the one before.
BYTES_STEP = 1000


@dataclass(frozen=True)
class WatchReports:
    """What a watch reports."""

    #: Takes the batch each time that it has changed.
    progress: Callable[[Batch], None]
    #: Takes trouble that is being sat out.
    trouble: Callable[[RowcallError], None]


class Progress(Protocol):
    """Shows how far it is; each method lasts for one step of the work."""

    def sending(self, name: str, total_bytes: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Show an upload; takes the number of bytes that have left."""

    def watching(self) -> AbstractContextManager[WatchReports]:
        """Show the rows of a batch."""

    def receiving(self, name: str) -> AbstractContextManager[Callable[[int, int | None], None]]:
        """Show a download; takes the number of bytes that have arrived, and of those in all."""


class LineProgress:
    """Prints plain lines, few enough for a log."""

    def __init__(self, print_line: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._print_line = print_line
        self._clock = clock
        self._spoke_at = clock()

    @contextmanager
    def sending(self, name: str, total_bytes: int | None) -> Iterator[Callable[[int], None]]:
        """Say how much has left."""
        yield lambda sent_bytes: self._say(f"{name}: sent {describe_share(sent_bytes, total_bytes)}")

    @contextmanager
    def watching(self) -> Iterator[WatchReports]:
        """Say how many rows are done."""
        yield WatchReports(
            progress=lambda batch: self._say(describe_progress(batch)),
            trouble=lambda error: self._say(f"{error} Trying again."),
        )

    @contextmanager
    def receiving(self, name: str) -> Iterator[Callable[[int, int | None], None]]:
        """Say how much has arrived."""
        yield lambda received, total: self._say(f"{name}: received {describe_share(received, total)}")

    def _say(self, line: str) -> None:
        now = self._clock()
        if now - self._spoke_at >= LINE_INTERVAL_SECONDS:
            self._spoke_at = now
            self._print_line(line)


class SilentProgress(LineProgress):
    """Shows nothing."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)


def describe_progress(batch: Batch) -> str:
    """Return how far a batch is, such as `bat_1: running  36 %, 90,129 of 250,000 rows, 7,600 rows/s, 21 s left`."""
    parts = [
        f"{batch.percent:.0f} %" if batch.percent is not None else "",
        describe_rows(batch),
        describe_failed(batch),
        describe_rate(batch),
        f"{format_duration(batch.eta_seconds)} left" if batch.eta_seconds is not None else "",
    ]
    return f"{batch.id}: {batch.status}  " + ", ".join(part for part in parts if part)


def describe_rows(batch: Batch) -> str:
    """Return how many rows are done, and of how many when that is known."""
    total = batch.counts.total
    return f"{batch.counts.done:,} rows" if total is None else f"{batch.counts.done:,} of {total:,} rows"


def describe_failed(batch: Batch) -> str:
    """Return how many rows have errors; nothing when none has."""
    failed = batch.counts.failed
    return f"{failed:,} error{'' if failed == 1 else 's'}" if failed else ""


def describe_rate(batch: Batch) -> str:
    """Return how many rows are done in a second; nothing when it is not known."""
    return f"{batch.rows_per_second:,.0f} rows/s" if batch.rows_per_second is not None else ""


def describe_share(done_bytes: int, total_bytes: int | None) -> str:
    """Return how many bytes are done, and of how many when that is known."""
    return (
        format_bytes(done_bytes)
        if total_bytes is None
        else f"{format_bytes(done_bytes)} of {format_bytes(total_bytes)}"
    )


def format_bytes(size_bytes: float) -> str:
    """A size in the unit that reads best, such as `12.3 MB`."""
    if size_bytes < BYTES_STEP:
        return f"{size_bytes:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= BYTES_STEP
        if size_bytes < BYTES_STEP:
            return f"{size_bytes:.1f} {unit}"
    return f"{size_bytes / BYTES_STEP:.1f} TB"


def format_duration(seconds: float) -> str:
    """A duration of a second and more in whole units, such as `2 min 5 s`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
