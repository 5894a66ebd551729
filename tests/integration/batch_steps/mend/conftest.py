"""Broken files, and the mended rows that are sent back for them."""

import csv
import io
from collections.abc import Mapping, Sequence

from api.mended_header import read_mend
from shared.batch_files import mend_key
from shared.batch_jobs import mend_job
from shared.batch_store import Batch
from shared.batches import BatchSpec, BatchStatus
from shared.jobs import new_token
from tests.integration.batch_steps.conftest import Workplace, people

OWN = ("name", "height", "shoe_size", "note")
REASON = ("row_number", "error_code", "error_column", "error_message")
#: Another record in the place of row `%d`, and what is wrong with it.
BREAKS = {
    "missing_value": b"p%d,,44,x",
    "not_a_number": b"p%d,tall,44,x",
    "out_of_range": b"p%d,1.81,44,x",
    "wrong_column_count": b"p%d,181",
}

Rows = Mapping[int, Sequence[str]]


def broken(rows: int, breaks: Mapping[int, str]) -> bytes:
    return people(rows, **{f"r{row}": BREAKS[what] % row for row, what in breaks.items()})


def good(*rows: int) -> Rows:
    """Return the cells of these rows as `people` writes them."""
    lines = people(max(rows)).decode().splitlines()
    return {row: lines[row].split(",") for row in rows}


def mended_file(
    rows: Rows | Sequence[tuple[str, Sequence[str]]],
    *,
    columns: Sequence[str] = OWN + REASON,
    delimiter: str = ",",
    newline: str = "\n",
    is_quoted: bool = False,
) -> bytes:
    """Return a file as a spreadsheet saves it. rows: the cells by the number of the row, or in pairs with it."""
    pairs = [(str(row), cells) for row, cells in rows.items()] if isinstance(rows, Mapping) else rows
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=newline,
        quoting=csv.QUOTE_ALL if is_quoted else csv.QUOTE_MINIMAL,
    )
    writer.writerow(columns)
    for number, cells in pairs:
        values = dict(zip(OWN, cells, strict=True)) | dict(zip(REASON, (number, "code", "column", "a, b"), strict=True))
        writer.writerow([values.get(column, "more") for column in columns])
    return text.getvalue().encode()


def accept_mend(place: Workplace, spec: BatchSpec, document: bytes) -> BatchSpec:
    """Take mended rows as the API does; their step is the next to be done."""
    mend = read_mend(document, spec.layout, new_token(), is_whole=True, formulas=spec.formulas)
    with place.files.open_writer(mend_key(spec.id, mend.token)) as writer:
        writer.write(document)
    index = place.find(spec).mends + 1
    assert place.batches.accept_mend(spec, index, mend, mend_job(spec, index)) == "ok"
    place.send(mend_job(spec, index))
    return spec


def mend(place: Workplace, spec: BatchSpec, document: bytes) -> BatchSpec:
    accept_mend(place, spec, document)
    place.run()
    return spec


def state(place: Workplace, spec: BatchSpec) -> tuple[bytes, bytes, int | None, int, Mapping[str, int], BatchStatus]:
    """Return everything that a caller sees of a batch."""
    batch: Batch = place.find(spec)
    counts = batch.rows_total, batch.rows_failed, batch.errors_by_code, batch.status
    return place.results(spec), place.errors(spec), *counts
