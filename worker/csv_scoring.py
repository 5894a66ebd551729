"""Score blocks of CSV records: bytes in, bytes out. A row comes back as it came, followed by what the model says.

Only the columns of the features are parsed, and no row is written anew: its own bytes and the new cells are joined in
Arrow's buffers.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from shared.batches import CsvLayout, Formulas
from shared.csv_text import join_cells, quote_cell
from shared.formulas import escape_text
from shared.row_errors import RowErrorCode
from worker.csv_cells import CellReader, Cells
from worker.csv_errors import RecordReader, RowProblem, render_errors
from worker.csv_formulas import FormulaEscaper
from worker.csv_records import Records, find_records, without_empty_lines
from worker.pace import Pace
from worker.predictor import OutputInvalid, Predictor

#: Rows in which few different numbers are a sign of few different numbers in the whole block, as trees give them.
_SAMPLE_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class ScoredBlock:
    """What became of one block."""

    #: Every row's own bytes and the new cells.
    result: bytes
    #: The failed rows' own bytes and what is wrong with them.
    errors: bytes
    rows: int
    failed: int
    errors_by_code: dict[str, int] = field(default_factory=dict)


class BlockScorer:
    """Scores blocks of one file with one model version. Not thread-safe, because its predictor is not."""

    def __init__(
        self,
        predictor: Predictor,
        layout: CsvLayout,
        on_progress: Callable[[], None] = lambda: None,
        *,
        formulas: Formulas = Formulas.KEEP,
    ) -> None:
        self._predictor = predictor
        self._pace = Pace(on_progress)
        self._dialect = layout.dialect
        self._classes = predictor.manifest.classes
        self._cells = CellReader(predictor.manifest, layout)
        self._records = RecordReader(predictor.manifest.features, layout)
        self._escaper = FormulaEscaper(layout.dialect) if formulas is Formulas.ESCAPE else None
        # A failed row has no label: the last element.
        show = escape_text if self._escaper else str
        labels = [quote_cell(show(label), layout.dialect) for label in self._classes or ()]
        self._labels = pa.array([*labels, b""], pa.binary())

    def score(
        self,
        block: bytes,
        *,
        first_row: int,
        records: Records | None = None,
        row_numbers: Sequence[int] | None = None,
    ) -> ScoredBlock:
        """Predict every row of the block; a row that cannot be predicted comes back with its error.

        block: whole records. first_row: the number of its first row; row_numbers: those of all of its rows, where they
        do not follow each other. records: what `find_records` said of the block.
        """
        block, records = self._prepare(block, records)
        if not len(records):
            return ScoredBlock(b"", b"", rows=0, failed=0)
        cells = self._cells.read(block, records)
        problems = self._read_doubtful(block, records, cells)
        answers = self._predict(cells, problems)
        numbers = row_numbers or range(first_row, first_row + len(records))
        return self._render(block, records, answers, problems, row_numbers=numbers)

    def fail(self, block: bytes, *, first_row: int, code: RowErrorCode, message: str) -> ScoredBlock:
        """Give every row of the block the same error without asking the model."""
        block, records = self._prepare(block, None)
        if not len(records):
            return ScoredBlock(b"", b"", rows=0, failed=0)
        answers = np.full((len(records), len(self._classes or (0,))), np.nan)
        problems = dict.fromkeys(range(len(records)), RowProblem(code, message))
        numbers = range(first_row, first_row + len(records))
        return self._render(block, records, answers, problems, row_numbers=numbers)

    def _prepare(self, block: bytes, records: Records | None) -> tuple[bytes, Records]:
        return without_empty_lines(block, records or find_records(block, self._dialect.delimiter, is_last=True))

    def _read_doubtful(self, block: bytes, records: Records, cells: Cells) -> dict[int, RowProblem]:
        """Read one by one what could not be read a column at a time; return what is wrong with those that are bad."""
        problems: dict[int, RowProblem] = {}
        doubtful = np.flatnonzero(~cells.is_good)
        ranges = zip(
            doubtful.tolist(), records.starts[doubtful].tolist(), records.stops[doubtful].tolist(), strict=True
        )
        for index, start, stop in ranges:
            is_unclosed = records.is_unclosed and index == len(records) - 1
            row = self._records.read(block[start:stop], is_unclosed=is_unclosed)
            if isinstance(row, RowProblem):
                problems[index] = row
                continue
            cells.is_good[index] = True
            for column, value in zip(cells.columns, row, strict=True):
                column[index] = value
        return problems

    def _predict(self, cells: Cells, problems: dict[int, RowProblem]) -> NDArray[np.float64]:
        """Return the model's answers, NaN for a row without one; add the rows that the model failed to the problems."""
        answers = np.full((len(cells.is_good), len(self._classes or (0,))), np.nan)
        rows = np.flatnonzero(cells.is_good)
        if not len(rows):
            return answers
        is_whole = len(rows) == len(answers)
        good = cells.columns if is_whole else [column[rows] for column in cells.columns]
        for part in self._pace.slices(len(rows)):
            found, failures = predict_columns(self._predictor, [column[part] for column in good])
            answers[part if is_whole else rows[part]] = found
            problems.update({int(rows[part.start + index]): problem for index, problem in failures.items()})
        return answers

    def _render(
        self,
        block: bytes,
        records: Records,
        answers: NDArray[np.float64],
        problems: Mapping[int, RowProblem],
        *,
        row_numbers: Sequence[int],
    ) -> ScoredBlock:
        if self._escaper is not None:
            # The model has seen the cells as they are; only what comes back is escaped.
            block, records = self._escaper.escape(block, records)
            problems = {index: _escape_problem(problem) for index, problem in problems.items()}
        failed = np.array(sorted(problems), np.int64)
        parts = [_own_bytes(block, records)]
        if self._classes is not None:
            best = answers.argmax(axis=1).astype(np.int32)
            best[failed] = len(self._classes)
            parts.append(self._labels.take(_arrow(best, pa.int32())))
        parts += [_format_numbers(column, failed) for column in answers.T]
        parts.append(self._status_cells(len(records), failed, problems))
        delimiter = pa.scalar(self._dialect.delimiter.encode(), pa.binary())
        joined = pc.binary_join_element_wise(*parts, delimiter)
        terminator = block[records.stops[-1] :] or self._dialect.newline.encode()
        errors = render_errors(block, records, problems, dialect=self._dialect, row_numbers=row_numbers)
        by_code = Counter(problem.code.value for problem in problems.values())
        return ScoredBlock(
            b"".join((_data(joined), terminator)),
            errors,
            rows=len(records),
            failed=len(failed),
            errors_by_code=dict(by_code),
        )

    def _status_cells(self, rows: int, failed: NDArray[np.int64], problems: Mapping[int, RowProblem]) -> Any:
        """Return the last cells of every row: one value for all when none failed."""
        texts = {("ok", "", ""): 0}
        which = np.zeros(rows, np.int32)
        cells = (("error", problems[index].code.value, problems[index].message) for index in failed.tolist())
        which[failed] = [texts.setdefault(cell, len(texts)) for cell in cells]
        endings = pa.array([join_cells(text, self._dialect) for text in texts], pa.binary())
        return endings.take(_arrow(which, pa.int32())) if len(failed) else endings[0]


def predict_columns(
    predictor: Predictor, columns: Sequence[NDArray[Any]]
) -> tuple[NDArray[np.float64], dict[int, RowProblem]]:
    """Predict all rows in one call; when that fails, halve until each culprit stands alone.

    columns: one array per feature, of one length of 1 or more. Returns one line of answers per row, and why some have
    none. k bad rows of n cost about 2 k log2(n) calls.
    """
    rows, width = len(columns[0]), len(predictor.manifest.classes or (0,))
    try:
        answers = predictor.predict_matrix(columns)
    except OutputInvalid as error:
        # What has the wrong shape has it for every row.
        problem = RowProblem(RowErrorCode.OUTPUT_INVALID, str(error))
        return np.full((rows, width), np.nan), dict.fromkeys(range(rows), problem)
    except Exception as error:
        # The model's own code runs here, so anything may come out of it.
        if rows == 1:
            message = f"the model raised {type(error).__name__}: {error}"[:500]
            return np.full((1, width), np.nan), {0: RowProblem(RowErrorCode.PREDICTION_FAILED, message)}
        middle = rows // 2
        upper, upper_problems = predict_columns(predictor, [column[:middle] for column in columns])
        lower, lower_problems = predict_columns(predictor, [column[middle:] for column in columns])
        shifted = {middle + index: problem for index, problem in lower_problems.items()}
        return np.concatenate((upper, lower)), upper_problems | shifted
    what = "one finite number" if predictor.manifest.classes is None else "one finite probability per class"
    invalid = RowProblem(RowErrorCode.OUTPUT_INVALID, f"the model did not give {what}")
    return answers, dict.fromkeys(np.flatnonzero(~np.isfinite(answers).all(axis=1)).tolist(), invalid)


def _escape_problem(problem: RowProblem) -> RowProblem:
    """Return the problem with the texts that hold something of the input or of the model escaped."""
    return replace(problem, message=escape_text(problem.message), column=escape_text(problem.column))


def _own_bytes(block: bytes, records: Records) -> Any:
    """Return each record with the terminator of the record before it in front, so that nothing has to be copied."""
    offsets = np.zeros(len(records) + 1, np.int32)
    offsets[1:] = records.stops
    return pa.Array.from_buffers(pa.binary(), len(records), [None, pa.py_buffer(offsets), pa.py_buffer(block)])


def _format_numbers(numbers: NDArray[np.float64], failed: NDArray[np.int64]) -> Any:
    """Return the shortest decimals that read back as the same numbers; nothing for a row that failed."""
    sample = numbers[:_SAMPLE_ROWS]
    column = _arrow(numbers, pa.float64())
    if len(np.unique(sample)) * 8 < len(sample):
        encoded = column.dictionary_encode()
        texts = encoded.dictionary.cast(pa.string()).cast(pa.binary()).take(encoded.indices)
    else:
        texts = column.cast(pa.string()).cast(pa.binary())
    if not len(failed):
        return texts
    is_failed = np.zeros(len(numbers), np.bool_)
    is_failed[failed] = True
    bits = np.packbits(is_failed, bitorder="little")
    mask = pa.Array.from_buffers(pa.bool_(), len(numbers), [None, pa.py_buffer(bits)])
    return pc.if_else(mask, pa.scalar(b"", pa.binary()), texts)


def _arrow(values: NDArray[Any], kind: Any) -> Any:
    # `pa.array` would import pandas to find out that this is none of its arrays, which takes a second.
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def _data(joined: Any) -> memoryview:
    """Return the bytes of all elements, one after the other."""
    offsets = np.frombuffer(joined.buffers()[1], np.int32, len(joined) + 1)
    return memoryview(joined.buffers()[2])[: offsets[-1]]
