"""Jobs in quarantine as tables for people; imports rich."""

import json
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rowcall_client.quarantine import QuarantinedJob, QuarantinePage
from rowcall_client.render import make_table


def render_quarantine(page: QuarantinePage) -> RenderableType:
    """A table of the jobs that were set aside."""
    if not page.jobs:
        return Text("Nothing is in quarantine.")
    table = make_table("id", "model", "what", "since", "kept until")
    for job in page:
        since, until = format_time(job.quarantined_at), format_time(job.kept_until)
        table.add_row(Text(job.id, style="bold"), str(job.model), describe_work(job), since, until)
    return table


def render_quarantined(job: QuarantinedJob) -> Group:
    """Everything about one job, and below it its input as JSON, one record a line."""
    parts: list[RenderableType] = [render_facts(job)]
    if job.input is not None:
        records = job.input if isinstance(job.input, list) and not is_bare_row(job.input) else [job.input]
        parts += [Text(), *(Text(json.dumps(record, ensure_ascii=False)) for record in records)]
    return Group(*parts)


def render_facts(job: QuarantinedJob) -> Table:
    """The facts about one job."""
    facts = make_table("", "", headed=False)
    facts.add_row("id", Text(job.id, style="bold"))
    facts.add_row("model", Text(str(job.model)))
    facts.add_row("what", describe_work(job))
    facts.add_row("attempts", str(job.attempt))
    facts.add_row("why", Text(f"{job.error.detail} ({job.error.code})"))
    facts.add_row("accepted", format_time(job.created_at))
    facts.add_row("set aside", format_time(job.quarantined_at))
    facts.add_row("kept until", format_time(job.kept_until))
    return facts


def describe_work(job: QuarantinedJob) -> str:
    """What the job was to do: `1 row`, or `chunk 7 of bat_…, rows 70,001 to 80,000`."""
    if job.step is None:
        return f"{job.rows} row{'' if job.rows == 1 else 's'}"
    place = f"{job.step.kind} {job.step.index} of {job.step.batch_id}"
    if job.span is None:
        return place
    last_row = job.span.first_row + job.span.rows - 1
    return f"{place}, rows {job.span.first_row:,} to {last_row:,}"


def is_bare_row(records: list[object]) -> bool:
    """Say whether these are the values of one row, which come so when the server no longer knows their names."""
    return bool(records) and not isinstance(records[0], dict | list)


def format_time(moment: datetime | None) -> str:
    """A moment as people read it, in UTC; nothing when it is not known."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else ""
