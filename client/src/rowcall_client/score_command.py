"""The command `rowcall score`: its options, and what it needs of the terminal."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rowcall_client.command_input import parse_metadata
from rowcall_client.command_setup import AsJson, GlobalOptions, Metadata, ModelName, RetainFor, Url, Version, connected
from rowcall_client.score_order import DASH, ScoreOrder, parse_columns, parse_delimiter
from rowcall_client.score_screen import DocumentScoreScreen, ScoreScreen
from rowcall_client.uploads import BatchOptions


class OnError(StrEnum):
    """What a row with an error does to its batch."""

    CONTINUE = "continue"
    ABORT = "abort"


class Formulas(StrEnum):
    """What becomes of text that a spreadsheet would run as a formula."""

    KEEP = "keep"
    ESCAPE = "escape"


CsvFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE.csv",
        help="Rows under a header, perhaps compressed with gzip; - for stdin.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where the results go; - for stdout. Without it: stdout, or FILE.scored.csv when stdout is a terminal.",
    ),
]
Errors = Annotated[
    Path | None,
    typer.Option("--errors", metavar="FILE", help="Write the rows that have errors here, with the reasons."),
]
OnErrorOption = Annotated[
    OnError | None, typer.Option("--on-error", help="What a bad row does to the rest; continue by default.")
]
MaxErrorRatio = Annotated[
    float | None,
    typer.Option("--max-error-ratio", min=0, max=1, metavar="0..1", help="Stop when more than this share is bad."),
]
FormulasOption = Annotated[
    Formulas | None,
    typer.Option("--formulas", help="With escape, text that a spreadsheet would run gets a ' in front."),
]
Delimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHARACTER", help="Stands between cells, such as ; or tab.")
]
Encoding = Annotated[str | None, typer.Option("--encoding", metavar="NAME", help="Such as utf-8 or cp1252.")]
Column = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="FEATURE=HEADER", help="Which column a feature is in; may be repeated."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show how the file would be read, some bad rows, and how long it takes.")
]
Resume = Annotated[
    str | None, typer.Option("--resume", metavar="ID", help="Upload nothing; wait for this batch and fetch it.")
]
Retry = Annotated[
    Path | None,
    typer.Option(
        "--retry",
        metavar="FILE",
        help="With --resume: send this mended file of errors, and fetch the merged results.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]


def score(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    file: CsvFile = None,
    *,
    output: Output = None,
    errors: Errors = None,
    model: ModelName = None,
    version: Version = None,
    on_error: OnErrorOption = None,
    max_error_ratio: MaxErrorRatio = None,
    formulas: FormulasOption = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    column: Column = None,
    retain_for: RetainFor = None,
    metadata: Metadata = None,
    dry_run: DryRun = False,
    resume: Resume = None,
    retry: Retry = None,
    force: Force = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Predict every row of a CSV file: upload it, wait, and fetch it with predictions, in the same order."""
    chosen: GlobalOptions = ctx.obj
    order = ScoreOrder(
        source=file,
        resume_id=resume,
        mended=retry,
        output=output,
        errors=errors,
        options=BatchOptions(
            model=model,
            version=version,
            on_error=on_error.value if on_error else None,
            max_error_ratio=max_error_ratio,
            formulas=formulas.value if formulas else None,
            delimiter=parse_delimiter(delimiter),
            encoding=encoding,
            columns=parse_columns(column),
            retain_for=retain_for,
            metadata=parse_metadata(metadata),
        ),
        is_dry_run=dry_run,
        force=force,
        as_json=as_json or chosen.as_json,
        stdout_is_terminal=sys.stdout.isatty(),
    )
    order.check()
    run(ctx, order, url)


def run(ctx: typer.Context, order: ScoreOrder, url: str | None) -> None:
    """Do what was ordered, and end with its exit code."""
    from rowcall_client.scoring import Scoring  # noqa: PLC0415 - loads the HTTP library

    chosen: GlobalOptions = ctx.obj
    with connected(ctx, url, as_json=order.as_json) as (client, _):
        scoring = Scoring(
            client,
            order,
            make_screen(as_json=order.as_json),
            stdin=typer.get_binary_stream("stdin"),
            stdout=typer.get_binary_stream("stdout"),
            ask=choose_ask(order),
            repeat_url=chosen.repeat_url(url),
        )
        exit_code = scoring.run()
    raise typer.Exit(exit_code)


def make_screen(*, as_json: bool) -> ScoreScreen:
    """The screen for documents, or the one for people."""
    if as_json:
        return DocumentScoreScreen()
    from rowcall_client.text_score_screen import TextScoreScreen  # noqa: PLC0415 - loads rich

    return TextScoreScreen()


def choose_ask(order: ScoreOrder) -> Callable[[str], bool] | None:
    """How to ask a question; None when nobody could answer it."""
    is_used_up = DASH in {order.source, order.mended}
    can_ask = sys.stdin.isatty() and sys.stderr.isatty() and not is_used_up and not order.as_json
    return ask if can_ask else None


def ask(question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no, also Ctrl-C."""
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        return False
