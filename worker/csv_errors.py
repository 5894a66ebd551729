"""Read one record in plain Python and say what is wrong with it: slow, and only for the records that need it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.batches import CsvDialect, CsvLayout
from shared.csv_text import cell_pattern, join_cells
from shared.feature_schema import CellProblem, read_cell
from shared.jobs import Row
from shared.manifest import Feature
from shared.row_errors import RowErrorCode
from worker.csv_records import Records


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row comes back without a prediction."""

    code: RowErrorCode
    message: str
    #: The column to look at, as the file spells it; empty when it is the whole row.
    column: str = ""


class RecordReader:
    """Reads the values of the features from one record."""

    def __init__(self, features: Sequence[Feature], layout: CsvLayout) -> None:
        self._features = features
        self._layout = layout
        self._cell = cell_pattern(layout.dialect.delimiter)

    def read(self, record: bytes, *, is_unclosed: bool) -> Row | RowProblem:
        """Return the record's values in the order of the features, or the first thing that is wrong with it.

        is_unclosed: the file ends inside quotes that this record opened.
        """
        if is_unclosed:
            message = "a quote is opened in this row and never closed, so the rest of the file is in one cell"
            return RowProblem(RowErrorCode.WRONG_COLUMN_COUNT, message)
        cells = split_cells(record, self._layout.dialect.delimiter, self._cell)
        if len(cells) != len(self._layout.header):
            return RowProblem(RowErrorCode.WRONG_COLUMN_COUNT, self._explain_count(len(cells)))
        values: Row = []
        for feature, column in zip(self._features, self._layout.feature_columns, strict=True):
            value = self._read_cell(feature, cells[column])
            if isinstance(value, CellProblem):
                return RowProblem(value.code, value.detail, self._layout.header[column])
            values.append(value)
        return values

    def _read_cell(self, feature: Feature, cell: bytes) -> float | str | CellProblem:
        encoding = self._layout.dialect.encoding
        try:
            text = cell.decode(encoding)
        except UnicodeDecodeError as error:
            detail = f"byte {cell[error.start]:#04x} is no text in {encoding}; save the file in that encoding again"
            return CellProblem(RowErrorCode.NOT_DECODABLE, detail)
        return read_cell(feature, text)

    def _explain_count(self, count: int) -> str:
        expected = len(self._layout.header)
        hint = "; put quotes around a cell that holds the delimiter" if count > expected else ""
        return f"the row has {count} cell{'s' * (count != 1)}, the header {expected}{hint}"


def split_cells(record: bytes, delimiter: str, pattern: re.Pattern[bytes]) -> list[bytes]:
    """Return the cells of a record without the quotes around and inside them."""
    if b'"' not in record:
        return record.split(delimiter.encode())
    cells: list[bytes] = []
    for quoted, text, end in pattern.findall(record):
        cells.append(quoted.replace(b'""', b'"') + text)
        if not end:
            # Where the last cell has ended, the pattern finds one more that is empty.
            break
    return cells


def render_errors(
    block: bytes,
    records: Records,
    problems: Mapping[int, RowProblem],
    *,
    dialect: CsvDialect,
    row_numbers: Sequence[int],
) -> bytes:
    """Return the failed records only, each followed by its number, code, column and message."""
    delimiter, newline = dialect.delimiter.encode(), dialect.newline.encode()
    failed = sorted(problems)
    ranges = zip(*(of[failed].tolist() for of in (records.starts, records.stops, records.next_starts)), strict=True)
    # Most messages and nearly all columns occur again and again.
    quoted: dict[RowProblem, bytes] = {}
    lines: list[bytes] = []
    for index, (start, stop, next_start) in zip(failed, ranges, strict=True):
        problem = problems[index]
        reason = quoted.get(problem)
        if reason is None:
            reason = join_cells((problem.code.value, problem.column, problem.message), dialect)
            quoted[problem] = reason
        number = b"%d" % row_numbers[index]
        lines += block[start:stop], delimiter, number, delimiter, reason, block[stop:next_start] or newline
    return b"".join(lines)
