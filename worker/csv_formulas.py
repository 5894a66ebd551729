"""Escape the formulas in a block of CSV records: vectorised until a cell looks like one, then record by record."""

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from shared.batches import CsvDialect
from shared.formulas import MARK, FormulaCells
from worker.csv_records import QUOTE, Positions, Records

_SIGNS = b"=+-@\t"
#: Spaces before a sign that are looked through to the start of its cell; behind more of them, the record is read.
_NEAR_SPACES = 4
#: Delimiters that stand in no number with a decimal point.
_PLAIN_DELIMITERS = ",;\t|"


class FormulaEscaper:
    """Puts MARK in front of every formula of a block. Where there is none, it costs a look-up for each byte."""

    def __init__(self, dialect: CsvDialect) -> None:
        delimiter = dialect.delimiter.encode()
        self._cells = FormulaCells(dialect)
        self._is_border = _table(delimiter + b"\r\n")
        self._is_space = _table(b" ") & ~self._is_border
        # The full-width signs begin with this byte, which is a letter in other encodings.
        full_width = b"\xef" if dialect.encoding == "utf-8" else b""
        # For `bytes.translate`, which looks all bytes up without making numbers of them first.
        self._signs = _table(_SIGNS.replace(delimiter, b"") + full_width).tobytes()
        self._is_near = _table(delimiter + b'\r\n "')
        # Only in quotes can a cell begin with what ends one elsewhere, or with a space and then that.
        self._is_hidden = _table(b"\r\n " + (delimiter if delimiter in _SIGNS else b""))
        self._number, self._quoted_number = _number_patterns(dialect.delimiter)

    def escape(self, block: bytes, records: Records) -> tuple[bytes, Records]:
        """Return the block and its records with the formulas escaped; the same ones if there are none.

        records: fill the block and touch each other.
        """
        suspects = self._find_suspects(block)
        if not len(suspects):
            return block, records
        which = np.unique(np.searchsorted(records.starts, suspects, side="right") - 1)
        ranges = zip(records.starts[which].tolist(), records.stops[which].tolist(), strict=True)
        found = (start + place for start, stop in ranges for place in self._cells.find(block[start:stop]))
        places = np.fromiter(found, np.int64)
        if not len(places):
            return block, records
        content = np.insert(np.frombuffer(block, np.uint8), places, ord(MARK)).tobytes()
        return content, _shift(records, places)

    def _find_suspects(self, block: bytes) -> Positions:
        """Return a position in each cell that is a formula, and in few others."""
        codes = np.frombuffer(block, np.uint8)
        signs, near = self._find_signs(block, codes)
        is_first = _is_true_before(self._is_border, codes, near + 1)
        is_opening = (codes.take(near, mode="clip") == QUOTE) & _is_true_before(self._is_border, codes, near)
        # Negative numbers may be many, and are told from formulas without reading their records.
        opening = is_opening & ~is_first
        return np.concatenate(
            (
                _without(self._number, block, signs[is_first]),
                _without(self._quoted_number, block, signs[opening]),
                signs[~is_first & ~opening],
                self._find_hidden(block, codes),
            )
        )

    def _find_signs(self, block: bytes, codes: NDArray[np.uint8]) -> tuple[Positions, Positions]:
        """Return the signs that may begin a cell, and for each the last byte before it that is no space."""
        signs = np.flatnonzero(np.frombuffer(block.translate(self._signs), np.bool_))
        # Most stand inside of a date, an address or a number.
        signs = signs[_is_true_before(self._is_near, codes, signs)]
        near = signs - 1
        for _ in range(_NEAR_SPACES):
            near -= _is_true_before(self._is_space, codes, near + 1) & (near >= 0)
        before = codes.take(near, mode="clip")
        may_begin = (near < 0) | self._is_border[before] | self._is_space[before] | (before == QUOTE)
        return signs[may_begin], near[may_begin]

    def _find_hidden(self, block: bytes, codes: NDArray[np.uint8]) -> Positions:
        """Return the quotes behind which a cell may begin with what would end one that stands in no quotes."""
        if b'"' not in block:
            return np.empty(0, np.int64)
        quotes = np.flatnonzero(codes[:-1] == QUOTE)
        is_opening = _is_true_before(self._is_border, codes, quotes)
        return quotes[is_opening & self._is_hidden[codes[quotes + 1]]]


def _table(characters: bytes) -> NDArray[np.bool_]:
    """Return for each byte whether it is one of these."""
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table


def _is_true_before(table: NDArray[np.bool_], codes: NDArray[np.uint8], positions: Positions) -> NDArray[np.bool_]:
    """Say whether the byte before each position is in the table, as what is before the first byte is."""
    return (positions <= 0) | table[codes.take(positions - 1, mode="clip")]


def _number_patterns(delimiter: str) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what matches a number with a sign that is a whole cell, and one that is a whole cell in quotes."""
    if delimiter not in _PLAIN_DELIMITERS:
        return re.compile(rb"(?!)"), re.compile(rb"(?!)")
    point = rb"\." if delimiter == "," else rb"[.,]"
    number = rb"[+-](?:[0-9]++(?:%b[0-9]*+)?+|%b[0-9]++)(?:[eE][+-]?[0-9]++)?+" % (point, point)
    end = rb"(?=[%b\r\n]|\Z)" % re.escape(delimiter.encode())
    return re.compile(number + b" *+" + end), re.compile(number + b' *+"' + end)


def _without(pattern: re.Pattern[bytes], block: bytes, positions: Positions) -> Positions:
    """Return the positions at which the pattern does not match."""
    match = pattern.match
    return np.array([position for position in positions.tolist() if match(block, position) is None], np.int64)


def _shift(records: Records, places: Positions) -> Records:
    """Return the records after a byte was put in front of each of these places."""
    starts, stops, next_starts = (
        ends + np.searchsorted(places, ends) for ends in (records.starts, records.stops, records.next_starts)
    )
    return replace(records, starts=starts, stops=stops, next_starts=next_starts, consumed=int(next_starts[-1]))
