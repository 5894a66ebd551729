"""API keys as a table for people; imports rich."""

from rich.console import RenderableType
from rich.text import Text

from rowcall_client.keys import KeyList
from rowcall_client.render import make_table
from rowcall_client.render_quarantine import format_time


def render_keys(keys: KeyList) -> RenderableType:
    """A table of the keys."""
    if not len(keys):
        return Text("There are no keys.")
    table = make_table("id", "name", "owner", "scopes", "rate", "expires", "last used")
    for key in keys:
        until, used = format_time(key.expires_at) or "never", format_time(key.last_used_at) or "never"
        scopes = ", ".join(key.scopes)
        rate = format_rate(key.requests_per_second)
        table.add_row(Text(key.id, style="bold"), Text(key.name), Text(key.owner), Text(scopes), rate, until, used)
    return table


def format_rate(per_second: float | None) -> str:
    """How many requests are accepted of a key; empty for what the server is set to."""
    if per_second is None:
        return ""
    return f"{per_second:g}/s" if per_second else "any"
