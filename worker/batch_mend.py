"""Merge mended rows into the results of a batch: each takes the place of the row that had failed."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.batch_files import errors_key, input_key, mend_folder, mend_key, part_folder, result_key
from shared.batch_store import BatchStore
from shared.batches import ERROR_COLUMNS, BatchSpec, Chunk, CsvDialect, Formulas, Mend, Part
from shared.csv_text import cell_pattern, quote_cell
from shared.file_store import FileStore
from shared.formulas import FormulaCells
from shared.jobs import new_token
from shared.row_errors import RowErrorCode
from worker.csv_errors import split_cells
from worker.csv_records import find_records, scan_blocks
from worker.csv_scoring import BlockScorer
from worker.lease_keeper import LeaseKeeper

log = logging.getLogger(__name__)

_BLOCK_BYTES = 1 << 20
#: Digits of the largest number that a row can have.
LONGEST_NUMBER = 18
#: A record of one empty cell; without the quotes it would be an empty line, which is no record.
EMPTY_CELL = b'""'


@dataclass(frozen=True, slots=True)
class _OldError:
    """A line of a part's errors."""

    code: str
    line: bytes


class Mender:
    """Rewrites the parts in which rows were mended."""

    def __init__(self, batches: BatchStore, files: FileStore, leases: LeaseKeeper, *, max_record_bytes: int) -> None:
        self._batches = batches
        self._files = files
        self._leases = leases
        self._max_record_bytes = max_record_bytes

    def run(self, spec: BatchSpec, index: int, scorer: BlockScorer) -> None:
        """Merge a file of mended rows; doing it twice gives the same results.

        A record that names no failed row of the batch changes nothing. Raises DependencyError and FileMissing.
        """
        mend = self._batches.get_mend(spec.id, index)
        mended = self._read_mended(spec, mend)
        parts = self._batches.parts(spec.id)
        chunks = self._batches.chunks(spec.id, range(len(parts)))
        for chunk, part in zip(chunks, parts, strict=True):
            rows = {row: mended[row] for row in range(chunk.first_row, chunk.first_row + chunk.rows) if row in mended}
            if rows and part.failed:
                self._mend_chunk(spec, chunk, part, rows, scorer)
                self._leases.progress()
        self._batches.complete_mend(spec.id)
        self._files.delete_folder(mend_folder(spec.id, mend.token))

    def _read_mended(self, spec: BatchSpec, mend: Mend) -> dict[int, bytes]:
        """Return the mended records by the number of their row, as they would stand in the batch's own file."""
        found: dict[int, bytes] = {}
        rewriter = _Rewriter(spec, mend)
        pieces = self._files.read(mend_key(spec.id, mend.token), start=mend.dialect.data_start)
        for block in scan_blocks(
            pieces, mend.dialect, block_bytes=_BLOCK_BYTES, max_record_bytes=self._max_record_bytes
        ):
            ranges = zip(block.records.starts.tolist(), block.records.stops.tolist(), strict=True)
            for start, stop in ranges:
                row = rewriter.read(block.content[start:stop])
                if row is not None:
                    found[row[0]] = row[1]
            self._leases.progress()
        return found

    def _mend_chunk(
        self, spec: BatchSpec, chunk: Chunk, part: Part, rows: Mapping[int, bytes], scorer: BlockScorer
    ) -> None:
        dialect = spec.layout.dialect
        errors = self._read_errors(spec, chunk, part)
        shown = rows
        if spec.formulas is Formulas.ESCAPE:
            rows = self._restore_formulas(spec, chunk, rows)
            shown = {row: FormulaCells(dialect).escape(record) for row, record in rows.items()}
        delimiter = dialect.delimiter.encode()
        # A row at which workers died and that nobody changed would only kill again.
        numbers = sorted(
            row
            for row in rows
            if row in errors
            and not (
                errors[row].code == RowErrorCode.WORKER_DIED and errors[row].line.startswith(shown[row] + delimiter)
            )
        )
        results = self._files.read_range(result_key(spec.id, chunk.index, part.token), 0, part.result_bytes)
        lines = _split_lines(results, dialect)
        if not numbers or len(lines) != chunk.rows:
            return
        newline = dialect.newline.encode()
        scored = scorer.score(
            b"".join(rows[row] + newline for row in numbers), first_row=chunk.first_row, row_numbers=numbers
        )
        for row, line in zip(numbers, _split_lines(bytes(scored.result), dialect), strict=True):
            place = row - chunk.first_row
            lines[place] = line.removesuffix(newline) + _terminator(lines[place], newline)
        still = {row: error for row, error in errors.items() if row not in set(numbers)}
        still |= _parse_errors(bytes(scored.errors), dialect)
        self._replace(spec, chunk, part, lines, still)

    def _restore_formulas(self, spec: BatchSpec, chunk: Chunk, rows: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return the mended records as the input would have them, so that the model sees what it saw before."""
        dialect = spec.layout.dialect
        originals = _split_lines(self._files.read_range(input_key(spec.id), chunk.start, chunk.stop), dialect)
        cells = FormulaCells(dialect)
        return {
            row: cells.restore(record, originals[row - chunk.first_row].rstrip(b"\r\n")) for row, record in rows.items()
        }

    def _replace(
        self, spec: BatchSpec, chunk: Chunk, part: Part, lines: Sequence[bytes], errors: Mapping[int, _OldError]
    ) -> None:
        token = new_token()
        error_bytes = b"".join(errors[row].line for row in sorted(errors))
        with self._files.open_writer(result_key(spec.id, chunk.index, token)) as writer:
            writer.write(b"".join(lines))
        if error_bytes:
            with self._files.open_writer(errors_key(spec.id, chunk.index, token)) as error_writer:
                error_writer.write(error_bytes)
        codes = Counter(error.code for error in errors.values())
        mended = Part(token, chunk.rows, len(errors), writer.bytes_written, len(error_bytes), dict(codes))
        # What it replaces is deleted later: somebody may be reading it.
        if not self._batches.replace_part(spec.id, chunk.index, part.token, mended):
            self._files.delete_folder(part_folder(spec.id, chunk.index, token))

    def _read_errors(self, spec: BatchSpec, chunk: Chunk, part: Part) -> dict[int, _OldError]:
        text = self._files.read_range(errors_key(spec.id, chunk.index, part.token), 0, part.error_bytes)
        return _parse_errors(text, spec.layout.dialect)


class _Rewriter:
    """Turns records of a mended file into records of the batch's own file."""

    def __init__(self, spec: BatchSpec, mend: Mend) -> None:
        self._own = spec.layout.dialect
        self._dialect = mend.dialect
        self._mend = mend
        self._cell = cell_pattern(mend.dialect.delimiter)
        columns = len(mend.own_columns)
        is_same = (mend.dialect.delimiter, mend.dialect.encoding) == (self._own.delimiter, self._own.encoding)
        # Columns that stand where they stood are taken as they are, byte for byte.
        self._is_prefix = is_same and mend.own_columns == tuple(range(columns))

    def read(self, record: bytes) -> tuple[int, bytes] | None:
        """Return the number of the row and its record, or None when it names no row."""
        cells = split_cells(record, self._dialect.delimiter, self._cell)
        if not self._mend.row_number_column < len(cells) <= self._mend.columns:
            return None
        number = cells[self._mend.row_number_column].strip()
        if not number.isdigit() or len(number) > LONGEST_NUMBER:
            return None
        if self._is_prefix:
            return int(number), self._prefix(record) or EMPTY_CELL
        own = [cells[column] if column < len(cells) else b"" for column in self._mend.own_columns]
        texts = [cell.decode(self._dialect.encoding, "replace") for cell in own]
        own_record = self._own.delimiter.encode().join(quote_cell(text, self._own) for text in texts)
        return int(number), own_record or EMPTY_CELL

    def _prefix(self, record: bytes) -> bytes:
        position = 0
        for _ in self._mend.own_columns:
            found = self._cell.match(record, position)
            assert found is not None
            position = found.end()
        return record[: position - len(self._dialect.delimiter)]


def _split_lines(text: bytes, dialect: CsvDialect) -> list[bytes]:
    """Return the records of a text with their terminators."""
    records = find_records(text, dialect.delimiter, is_last=True)
    ranges = zip(records.starts.tolist(), records.next_starts.tolist(), strict=True)
    return [text[start:stop] for start, stop in ranges]


def _parse_errors(text: bytes, dialect: CsvDialect) -> dict[int, _OldError]:
    """Return the lines of a part's errors by the number of their row."""
    return dict(_each_error(_split_lines(text, dialect), dialect))


def _each_error(lines: Sequence[bytes], dialect: CsvDialect) -> Iterator[tuple[int, _OldError]]:
    pattern = cell_pattern(dialect.delimiter)
    other = re.escape(dialect.delimiter.encode())
    swallowed = re.compile(other + b"([0-9]{1,18})" + other + RowErrorCode.WRONG_COLUMN_COUNT.encode() + other)
    for line in lines:
        cells = split_cells(line.rstrip(b"\r\n"), dialect.delimiter, pattern)
        if len(cells) > len(ERROR_COLUMNS) - 1 and cells[-4].isdigit():
            yield int(cells[-4]), _OldError(cells[-3].decode(), line)
        elif found := swallowed.findall(line):
            # A quote that this row opens and never closes swallows the reason with the rest of the line.
            yield int(found[-1]), _OldError(RowErrorCode.WRONG_COLUMN_COUNT.value, line)


def _terminator(line: bytes, newline: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :] or newline
