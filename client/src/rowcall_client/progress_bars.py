"""How far an upload, a batch and a download are, as bars on a terminal; imports rich."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rowcall_client.batches import Batch
from rowcall_client.errors import RowcallError
from rowcall_client.progress import WatchReports, describe_failed, describe_rate, describe_rows, format_duration

#: Width of the word before each bar, so that the bars stand below each other.
LABEL_WIDTH = 10


class BarProgress:
    """Draws one bar for each step of the work."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def sending(self, name: str, total_bytes: int | None) -> Iterator[Callable[[int], None]]:
        """Draw the upload."""
        with self._draw_bytes() as bar:
            task = bar.add_task("upload".ljust(LABEL_WIDTH), total=total_bytes, name=name)
            yield lambda sent_bytes: bar.update(task, completed=sent_bytes)

    @contextmanager
    def watching(self) -> Iterator[WatchReports]:
        """Draw the rows: how many, how fast, how long still, and how many have errors."""
        columns = [TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[facts]}")]
        with Progress(*columns, console=self._console, expand=True) as bar:
            task = bar.add_task("predict".ljust(LABEL_WIDTH), total=None, facts="")
            yield WatchReports(
                progress=lambda batch: draw_batch(bar, task, batch),
                trouble=lambda error: draw_trouble(bar, task, error),
            )

    @contextmanager
    def receiving(self, name: str) -> Iterator[Callable[[int, int | None], None]]:
        """Draw the download."""
        with self._draw_bytes() as bar:
            task = bar.add_task("download".ljust(LABEL_WIDTH), total=None, name=name)
            yield lambda received, total: bar.update(task, completed=received, total=total)

    def _draw_bytes(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}", markup=False),
            console=self._console,
            expand=True,
        )


def draw_batch(bar: Progress, task: TaskID, batch: Batch) -> None:
    """Draw how far a batch is."""
    facts = [
        describe_rows(batch),
        describe_rate(batch),
        f"{format_duration(batch.eta_seconds)} left" if batch.eta_seconds is not None else "",
        describe_failed(batch),
        "" if batch.status == "running" else str(batch.status),
    ]
    shown = "  ".join(fact for fact in facts if fact)
    bar.update(task, completed=batch.counts.done, total=batch.counts.total, facts=shown)


def draw_trouble(bar: Progress, task: TaskID, error: RowcallError) -> None:  # noqa: ARG001 - the report's shape
    """Draw that there is no answer; the bar stays where it is."""
    bar.update(task, facts="no answer from the server; trying again")
