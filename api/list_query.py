"""What the query of a list asks for."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from shared.errors import FieldNote, InputInvalid, UploadErrorCode
from shared.feature_schema import suggest

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_NAMES = {"status", "model", "cursor", "limit"}
_CURSOR = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which page of which list."""

    status: str | None
    model: str | None
    cursor: str
    limit: int


def read_list_query(query: MultiDict[str, str], statuses: Collection[str]) -> ListQuery:
    """Read the query; raises InputInvalid with a note for each bad parameter."""
    notes = [_note(name, f"no such parameter{suggest(name, _NAMES)}") for name in query if name not in _NAMES]
    status, cursor, limit = query.get("status"), query.get("cursor"), query.get("limit", str(DEFAULT_LIMIT))
    if status is not None and status not in statuses:
        notes.append(_note("status", f"send one of {', '.join(statuses)}{suggest(status, set(statuses))}"))
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        notes.append(_note("cursor", "take it from next_cursor of the page before"))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= MAX_LIMIT):
        notes.append(_note("limit", f"send a whole number from 1 to {MAX_LIMIT}"))
    if notes:
        raise InputInvalid(notes)
    return ListQuery(status, query.get("model"), cursor or "", int(limit))


def _note(name: str, detail: str) -> FieldNote:
    return FieldNote(f"/query/{name[:64]}", UploadErrorCode.BAD_PARAMETER, detail)
