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
    table = make_table("id", "name", "owner", "scopes", "expires", "last used")
    for key in keys:
        until, used = format_time(key.expires_at) or "never", format_time(key.last_used_at) or "never"
        scopes = ", ".join(key.scopes)
        table.add_row(Text(key.id, style="bold"), Text(key.name), Text(key.owner), Text(scopes), until, used)
    return table
