"""Batches and previews of batches as tables for people; imports rich."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rowcall_client.batches import Batch, BatchPreview, BatchStatus
from rowcall_client.progress import format_duration
from rowcall_client.render import make_table

#: What people call a delimiter.
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def render_summary(batch: Batch, written: Mapping[str, Path]) -> Table:
    """What became of a batch: its rows, its errors by code, and where the files are."""
    table = make_table("", "", headed=False)
    total = batch.counts.total
    if batch.status is not BatchStatus.COMPLETED:
        reason = f": {batch.error.detail} ({batch.error.code})" if batch.error else ""
        table.add_row("status", Text(f"{batch.status}{reason}", style="bold red"))
    table.add_row("rows", "unknown" if total is None else f"{total:,}")
    table.add_row("ok", Text(f"{batch.counts.succeeded:,}", style="bold"))
    table.add_row("errors", Text(f"{batch.counts.failed:,}", style="bold red" if batch.counts.failed else ""))
    for code, rows in sorted(batch.errors_by_code.items(), key=lambda pair: (-pair[1], pair[0])):
        table.add_row(f"  {code}", f"{rows:,}")
    if batch.counts.pending:
        table.add_row("not done", f"{batch.counts.pending:,}")
    table.add_row("model", Text(str(batch.model)))
    if batch.started_at and batch.completed_at:
        table.add_row("took", format_duration((batch.completed_at - batch.started_at).total_seconds()))
    for name, path in written.items():
        table.add_row(name, Text(str(path)))
    return table


def render_preview(preview: BatchPreview) -> Group:
    """How a file would be read: where the features come from, a sample of the bad rows, and the estimate."""
    columns = make_table("feature", "column")
    for header, feature in preview.columns.items():
        columns.add_row(Text(feature), Text(header))
    parts: list[RenderableType] = [columns, Text(), render_facts(preview)]
    if preview.sample_errors:
        parts += [Text(), render_sample_errors(preview)]
    return Group(*parts)


def render_facts(preview: BatchPreview) -> Table:
    """The rest of what was found out about a file."""
    facts = make_table("", "", headed=False)
    facts.add_row("model", Text(str(preview.model)))
    facts.add_row("passed through", Text(", ".join(preview.unused_columns) or "no other columns"))
    delimiter = DELIMITER_NAMES.get(preview.delimiter, preview.delimiter)
    facts.add_row("read as", Text(f"{preview.encoding}, {delimiter}"))
    bad = len(preview.sample_errors)
    facts.add_row("looked at", f"{preview.sampled_rows:,} rows; " + (f"{bad:,} errors below" if bad else "no errors"))
    if preview.formula_cells:
        facts.add_row("formulas", f"{preview.formula_cells:,} cells; --formulas escape makes them text")
    if preview.estimated_rows is not None:
        facts.add_row("rows", f"about {preview.estimated_rows:,}")
    if preview.estimated_seconds is not None:
        facts.add_row("takes", f"about {format_duration(preview.estimated_seconds)}")
    return facts


def render_sample_errors(preview: BatchPreview) -> Table:
    """A table of some rows that would get no prediction."""
    table = make_table("column", "error", "message", number="row")
    for error in preview.sample_errors:
        table.add_row(str(error.row_number), Text(error.column or ""), error.code, Text(error.message))
    return table
