"""Lists and events of jobs for people; imports rich."""

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from rowcall_client.predictions import PredictionPage
from rowcall_client.render import make_table
from rowcall_client.render_quarantine import format_time

if TYPE_CHECKING:
    from rowcall_client.event_stream import Event


def render_predictions(page: PredictionPage) -> RenderableType:
    """A table of the jobs."""
    if not len(page):
        return Text("There are none here.")
    table = make_table("id", "status", "model", "created")
    for job in page:
        table.add_row(Text(job.id, style="bold"), job.status.value, str(job.model), format_time(job.times.created_at))
    return table


def render_event(event: "Event") -> Text:
    """One line that says what happened, and what is known of it."""
    place, attempt = event.data.get("queue"), event.data.get("attempt")
    parts = [
        f"position {place['position']}" if place else "",
        f"attempt {attempt}" if attempt else "",
        str(event.data.get("at") or ""),
    ]
    return Text("  ".join([event.name, *(part for part in parts if part)]))
