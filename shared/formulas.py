"""Cells that a spreadsheet would run as a formula (CWE-1236), and how they become text: with a `'` in front. Pure."""

import re
from collections.abc import Iterator

from shared.batches import CsvDialect
from shared.csv_text import cell_pattern

#: Stands in front of a formula and makes it text.
MARK = "'"
#: Some spreadsheets drop the spaces before a formula, and those of East Asia take full-width signs for the others.
_START = re.compile(" *+[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
#: Point or comma before the decimals; the second half has separators of thousands, all of one kind.
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?"
    r"|[+-]?[0-9]{1,3}([.,' ])[0-9]{3}(?:\1[0-9]{3})*(?:[.,][0-9]*)?"
)


def is_formula(text: str) -> bool:
    """Say whether a spreadsheet could run a cell with this text; a number never is a formula.

    text: unescaped. A number with a decimal comma or with separators of thousands is one, whatever the delimiter.
    """
    return _START.match(text) is not None and _NUMBER.fullmatch(text.strip(" \t")) is None


def escape_text(text: str) -> str:
    """Return the text of a cell, with MARK in front if it is a formula; doing it twice changes nothing more."""
    return MARK + text if is_formula(text) else text


class FormulaCells:
    """Marks and unmarks the formulas in records of one dialect, and leaves every other byte as it is."""

    def __init__(self, dialect: CsvDialect) -> None:
        """dialect: its delimiter is not MARK."""
        self._cell = cell_pattern(dialect.delimiter)
        self._encoding = dialect.encoding

    def find(self, record: bytes) -> Iterator[int]:
        """Yield where the text of each formula begins: behind the quote of a cell in quotes."""
        return (position for position, text in self._cells(record) if is_formula(text))

    def escape(self, record: bytes) -> bytes:
        """Return the record with MARK in front of each formula."""
        pieces, done = [], 0
        for position in self.find(record):
            pieces.append(record[done:position])
            done = position
        return MARK.encode().join([*pieces, record[done:]])

    def restore(self, record: bytes, original: bytes) -> bytes:
        """Return the record without MARK in front of formulas, except where the original has the same cell.

        original: the record as it was before it was escaped; its own cells may begin with MARK.
        """
        cells, own = list(self._cells(record)), [text for _, text in self._cells(original)]
        pieces, done = [], 0
        for index, (position, text) in enumerate(cells):
            # Where cells were added or left out, any of the original's may be the same.
            same = own[index : index + 1] if len(cells) == len(own) else own
            if text.startswith(MARK) and is_formula(text[1:]) and text not in same:
                pieces.append(record[done:position])
                done = position + 1
        return b"".join([*pieces, record[done:]])

    def _cells(self, record: bytes) -> Iterator[tuple[int, str]]:
        """Yield the place of the first character and the text of each cell."""
        for cell in self._cell.finditer(record):
            quoted, text, end = cell.groups()
            position = cell.start(1) if quoted else cell.start(2)
            yield position, ((quoted or b"").replace(b'""', b'"') + text).decode(self._encoding, "replace")
            if not end:
                # Where the last cell has ended, the pattern finds one more that is empty.
                break
