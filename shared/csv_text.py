"""Cells of CSV records as bytes: where each stands, and how one is written. Pure, one record at a time."""

import re
from collections.abc import Sequence

from shared.batches import CsvDialect


def cell_pattern(delimiter: str) -> re.Pattern[bytes]:
    """Return what matches one cell at its start: 1 its quoted text, 2 its text, 3 the delimiter after it."""
    other = re.escape(delimiter.encode())
    return re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)(?:"|\Z))?([^%b]*+)(%b|\Z)' % (other, other))


def quote_cell(text: str, dialect: CsvDialect) -> bytes:
    """Return the bytes of one cell, in quotes only when it needs them; a character that has no bytes becomes `?`."""
    if dialect.delimiter in text or '"' in text or "\r" in text or "\n" in text:
        text = '"' + text.replace('"', '""') + '"'
    return text.encode(dialect.encoding, "replace")


def join_cells(texts: Sequence[str], dialect: CsvDialect) -> bytes:
    """Return cells as bytes with delimiters between them."""
    return dialect.delimiter.encode().join(quote_cell(text, dialect) for text in texts)
