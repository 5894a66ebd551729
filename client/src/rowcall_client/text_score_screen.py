"""The screen of `rowcall score` for people: a preview on stdout, everything else on stderr; imports rich."""

from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from rowcall_client.batches import Batch, BatchPreview
from rowcall_client.errors import RowcallError
from rowcall_client.messages import describe_error
from rowcall_client.progress import LineProgress, Progress
from rowcall_client.progress_bars import BarProgress
from rowcall_client.render_batches import render_preview, render_summary
from rowcall_client.text_screen import make_console


class TextScoreScreen:
    """Prints for people; bars on a terminal, a line now and then otherwise."""

    def __init__(self) -> None:
        self._stdout = make_console(stderr=False)
        self._stderr = make_console(stderr=True)
        is_drawable = self._stderr.is_terminal and not self._stderr.is_dumb_terminal
        self.progress: Progress = BarProgress(self._stderr) if is_drawable else LineProgress(self.show_hint)

    def show_preview(self, preview: BatchPreview) -> None:
        """Print the mapping of the columns, a sample of the bad rows, and the estimate."""
        self._stdout.print(render_preview(preview))

    def show_accepted(self, batch: Batch) -> None:
        """Print the id and the model."""
        self.show_hint(f"{batch.id}  {batch.status}  {batch.model}")

    def show_summary(self, batch: Batch, written: Mapping[str, Path]) -> None:
        """Print a table of what became of the rows, and of the files."""
        self._stderr.print(render_summary(batch, written))

    def show_unfinished(self, batch: Batch, hint: str) -> None:  # noqa: ARG002 - the screen's shape
        """Print what can be done."""
        self.show_hint(hint)

    def show_hint(self, line: str) -> None:
        """Print one line, never broken."""
        self._stderr.print(Text(line), soft_wrap=True)

    def show_error(self, error: RowcallError | OSError) -> None:
        """Print what happened, and below it what to do about it."""
        first, *rest = describe_error(error, "") if isinstance(error, RowcallError) else [str(error)]
        self._stderr.print(Text.assemble(("error: ", "bold red"), first), soft_wrap=True)
        for line in rest:
            self.show_hint(f"  {line}")
