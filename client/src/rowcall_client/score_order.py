"""What `rowcall score` was asked to do: which file, where to, and whether that goes together; no HTTP here."""

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import typer

from rowcall_client.command_input import parse_texts
from rowcall_client.uploads import BatchOptions

#: Stands for stdin as an input, and for stdout as an output.
DASH = Path("-")
#: Ways to type a tab, which shells make hard.
TAB_NAMES = {"tab", "\\t"}
#: What stays of the name of an input file, for the name of its output.
ENDINGS_OF_INPUT = (".gz", ".csv")


@dataclass(frozen=True)
class ScoreOrder:
    """One run of the command."""

    #: The CSV file to upload; None when a batch is resumed.
    source: Path | None
    #: The batch to take up again; None when a file is uploaded.
    resume_id: str | None
    #: Mended rows for the batch that is resumed.
    mended: Path | None
    #: As it was typed after -o; None when it was not.
    output: Path | None
    #: Where the rows with errors shall go.
    errors: Path | None
    options: BatchOptions = field(default_factory=BatchOptions)
    is_dry_run: bool = False
    #: Whether files may be replaced.
    force: bool = False
    as_json: bool = False
    #: Whether people see stdout; a program reads it otherwise.
    stdout_is_terminal: bool = False

    @property
    def target(self) -> Path | None:
        """Where the results go; None for stdout."""
        if self.output is not None:
            return None if self.output == DASH else self.output
        if not self.stdout_is_terminal or self.source == DASH:
            return None
        if self.source is None:
            return Path(f"{Path(self.resume_id or '').name}.scored.csv")
        name = self.source.name
        for ending in ENDINGS_OF_INPUT:
            name = name.removesuffix(ending)
        return self.source.with_name(f"{name}.scored.csv")

    @property
    def upload(self) -> Path | None:
        """The file that leaves this machine: the input or the mended rows."""
        return self.source or self.mended

    def make_resume_command(self, batch_id: str, repeat_url: str) -> str:
        """What to type to wait for the batch and fetch it; repeat_url: as in `GlobalOptions`."""
        words = ["rowcall", "score", "--resume", batch_id, "-o", str(self.target or DASH)]
        words += ["--retry", str(self.mended)] if self.mended else []
        words += ["--errors", str(self.errors)] if self.errors else []
        words += ["--force"] if self.force else []
        words += ["--json"] if self.as_json else []
        return shlex.join(words) + repeat_url

    def check(self) -> None:
        """Raise typer.BadParameter when the order contradicts itself, or would replace a file unasked."""
        self._check_input()
        if not self.is_dry_run:
            self._check_output()

    def _check_input(self) -> None:
        if self.source is None and self.resume_id is None:
            raise typer.BadParameter("nothing to score: give a CSV file, - for stdin, or --resume ID")
        if self.source is not None and self.resume_id is not None:
            raise typer.BadParameter("give either a file or --resume, not both")
        if self.mended is not None and self.resume_id is None:
            raise typer.BadParameter("--retry sends mended rows to a batch: say which with --resume ID")
        if self.resume_id is not None and (
            self.is_dry_run or any(value is not None for value in self.options.values())
        ):
            raise typer.BadParameter("with --resume the file is at the server: options for the upload come too late")

        path = self.upload
        if path not in (None, DASH) and not os.access(path, os.R_OK):
            raise typer.BadParameter(f"{path} does not exist, or may not be read")
        if path is not None and path.is_dir():
            raise typer.BadParameter(f"{path} is a folder, and not a CSV file")

    def _check_output(self) -> None:
        target = self.target
        if self.as_json and (self.output is None or target is None):
            raise typer.BadParameter("with --json the document goes to stdout, so -o must name a file")
        if self.errors == DASH:
            raise typer.BadParameter("--errors must name a file")
        inputs = {path.resolve() for path in (self.source, self.mended) if path not in (None, DASH)}
        taken = set(inputs)
        for path in (target, self.errors):
            if path is None:
                continue
            if path.resolve() in taken:
                raise typer.BadParameter(f"{path} is given twice: inputs and outputs must be different files")
            taken.add(path.resolve())
            self._check_writable(path)

    def _check_writable(self, path: Path) -> None:
        if path.is_dir() or not path.parent.is_dir():
            raise typer.BadParameter(f"{path} cannot be written: it is a folder, or lies in one that does not exist")
        if path.exists() and not self.force:
            raise typer.BadParameter(f"{path} exists already; --force replaces it")


def parse_columns(arguments: list[str] | None) -> dict[str, str] | None:
    """Return feature to header from FEATURE=HEADER arguments; None without any. Raises typer.BadParameter."""
    return parse_texts(arguments or [], "FEATURE=HEADER", "height='Body height'")


def parse_delimiter(text: str | None) -> str | None:
    """Return the one character that stands between cells. Raises typer.BadParameter."""
    if text is None:
        return None
    delimiter = "\t" if text in TAB_NAMES else text
    if len(delimiter) != 1:
        raise typer.BadParameter(f"{text!r} is not one character; write tab for a tab", param_hint="--delimiter")
    return delimiter
