"""What `rowcall score` tells while it works and at its end; and the screen of --json, which adds no words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from rowcall_client.batches import Batch, BatchPreview
from rowcall_client.errors import RowcallError
from rowcall_client.messages import encode_error
from rowcall_client.progress import Progress, SilentProgress
from rowcall_client.screen import print_document


class ScoreScreen(Protocol):
    """Prints what the command has learned; the rows themselves do not pass here."""

    #: Shows how far it is.
    progress: Progress

    def show_preview(self, preview: BatchPreview) -> None:
        """Print how the server would read the file."""

    def show_accepted(self, batch: Batch) -> None:
        """Print the id, so that it is known whatever happens next."""

    def show_summary(self, batch: Batch, written: Mapping[str, Path]) -> None:
        """Print what became of a final batch; written: name of a file to where it is."""

    def show_unfinished(self, batch: Batch, hint: str) -> None:
        """Print that this command ends without having brought everything, and what can be done."""

    def show_hint(self, line: str) -> None:
        """Print advice for people."""

    def show_error(self, error: RowcallError | OSError) -> None:
        """Print why the command did not bring what was asked for."""


class DocumentScoreScreen:
    """The screen of --json: the server's documents, character for character."""

    def __init__(self) -> None:
        self.progress: Progress = SilentProgress()

    def show_preview(self, preview: BatchPreview) -> None:
        """Print the preview document."""
        print_document(preview.body)

    def show_accepted(self, batch: Batch) -> None:
        """Print nothing; the one document is printed at the end."""

    def show_summary(self, batch: Batch, written: Mapping[str, Path]) -> None:  # noqa: ARG002 - the screen's shape
        """Print the batch document."""
        print_document(batch.body)

    def show_unfinished(self, batch: Batch, hint: str) -> None:  # noqa: ARG002 - the screen's shape
        """Print the batch document as it last was."""
        print_document(batch.body)

    def show_hint(self, line: str) -> None:
        """Print nothing."""

    def show_error(self, error: RowcallError | OSError) -> None:
        """Print a problem to stderr."""
        print_document(encode_error(error), err=True)
