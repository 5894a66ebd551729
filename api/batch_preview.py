"""`dry_run`: how the header maps to the features, a sample of bad rows, formulas, and how long it would take."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from api.served_models import RequestedModel
from shared.batches import CsvLayout
from shared.feature_schema import CellProblem, read_cell
from shared.formulas import is_formula
from shared.manifest import Feature
from shared.row_errors import RowErrorCode

SAMPLED_ROWS = 1_000
NAMED_ERRORS = 20


def preview_batch(
    head: bytes, layout: CsvLayout, model: RequestedModel, *, is_whole: bool, file_bytes: int | None
) -> dict[str, Any]:
    """Return the preview document of the file that begins with `head`; nothing is stored or predicted.

    file_bytes: size of the whole unpacked file where it is known, to estimate its rows.
    """
    features = model.manifest.features
    dialect = layout.dialect
    data = head[dialect.data_start :]
    rows = list(islice(_read_rows(data, layout, is_whole=is_whole), SAMPLED_ROWS))
    errors = [error for number, row in enumerate(rows, 1) if (error := _find_error(number, row, layout, features))]
    used = {
        layout.header[column]: feature.name for feature, column in zip(features, layout.feature_columns, strict=True)
    }
    return {
        "object": "batch_preview",
        "model": {"name": model.ref.name, "version": model.ref.version, "sha256": model.ref.sha256},
        "columns": used,
        "unused_columns": [name for name in layout.header if name not in used],
        "delimiter": dialect.delimiter,
        "encoding": dialect.encoding,
        "sampled_rows": len(rows),
        "sample_errors": errors[:NAMED_ERRORS],
        "formula_cells": sum(map(is_formula, chain(layout.header, *rows))),
        "estimated_rows": _estimate_rows(data, rows, layout, file_bytes, is_whole=is_whole),
        # No worker has written down yet how many rows of this model it predicts in a second.
        "estimated_seconds": None,
    }


def _read_rows(data: bytes, layout: CsvLayout, *, is_whole: bool) -> Iterator[list[str]]:
    """Yield the rows of the sample; the last one is left out when it may have been cut."""
    # What is no text in this encoding is kept apart from what is, so that its cell can be named.
    text = data.decode(layout.dialect.encoding, errors="surrogateescape")
    rows = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=layout.dialect.delimiter) if row)
    previous: list[str] | None = None
    for row in rows:
        if previous is not None:
            yield previous
        previous = row
    if is_whole and previous is not None:
        yield previous


def _find_error(number: int, row: list[str], layout: CsvLayout, features: Sequence[Feature]) -> dict[str, Any] | None:
    """Return the first thing that is wrong with a row, as a worker would find it."""
    if len(row) != len(layout.header):
        detail = f"{len(row)} cells, the header has {len(layout.header)}"
        return _error(number, RowErrorCode.WRONG_COLUMN_COUNT, None, detail)
    for feature, column in zip(features, layout.feature_columns, strict=True):
        problem = _find_cell_problem(feature, row[column], layout.dialect.encoding)
        if problem is not None:
            return _error(number, problem.code, layout.header[column], problem.detail)
    return None


def _find_cell_problem(feature: Feature, cell: str, encoding: str) -> CellProblem | None:
    if any("\ud800" <= character <= "\udfff" for character in cell):
        detail = f"the cell holds bytes that are no text in {encoding}; save the file in that encoding again"
        return CellProblem(RowErrorCode.NOT_DECODABLE, detail)
    value = read_cell(feature, cell)
    return value if isinstance(value, CellProblem) else None


def _error(number: int, code: str, column: str | None, message: str) -> dict[str, Any]:
    return {"row_number": number, "error_code": code, "error_column": column, "error_message": message}


def _estimate_rows(
    data: bytes, rows: list[list[str]], layout: CsvLayout, file_bytes: int | None, *, is_whole: bool
) -> int | None:
    if is_whole and len(rows) < SAMPLED_ROWS:
        return len(rows)
    lines = data.count(b"\n") or data.count(b"\r")
    if file_bytes is None or not lines:
        return None
    return round((file_bytes - layout.dialect.data_start) * lines / len(data))
