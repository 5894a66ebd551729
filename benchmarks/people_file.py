"""Write a CSV file of people, with an id and a quoted text column: any number of rows in little memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from training.dataset import draw_people

COLUMNS = ("id", "height", "weight", "shoe_size", "note")
FEATURE_COLUMNS = COLUMNS[1:4]
HEADER = ",".join(COLUMNS).encode() + b"\n"
#: Rows that are drawn and written at once.
BLOCK_ROWS = 250_000
LONG_BLOCK_ROWS = 20_000
#: What is wrong with a bad row; each kind is equally likely.
BAD_KINDS = ("missing", "text", "out_of_range", "too_few_cells", "too_many_cells")
#: Always quoted, so that a newline can be told from the end of a record only by counting quotes; none holds one.
NOTES = ('"walk-in, paid"', '"said ""later"""', '"none"', '"referred by post, twice"', '"web"')
#: Two kilobytes each, with newlines, delimiters and escaped quotes.
LONG_NOTES = tuple(
    '"' + f'{note[1:-1]},\nline two ""of many""\r\n' * (2_000 // (len(note) + 24)) + '"' for note in NOTES
)


@dataclass(frozen=True, slots=True)
class PeopleFile:
    """A file that was written."""

    path: Path
    rows: int
    bad_rows: int


def write_people_file(
    path: Path, rows: int, *, seed: int, bad_ratio: float = 0.0, notes: Sequence[str] = NOTES
) -> PeopleFile:
    """Write the file; the same arguments give the same bytes. Record n, counted from 0, is the row with the id n.

    bad_ratio: expected share of rows that no model can predict. notes: what the text column holds, quoted.
    """
    bad_rows = 0
    with path.open("wb") as file:
        file.write(HEADER)
        for first_id, block_rows, block_seed in _blocks(rows, seed, BLOCK_ROWS if notes is NOTES else LONG_BLOCK_ROWS):
            generator = np.random.default_rng(block_seed)
            kinds = draw_bad_kinds(block_rows, bad_ratio, generator)
            bad_rows += int(np.count_nonzero(kinds >= 0))
            file.write(_render_block(first_id, kinds, generator, notes))
    return PeopleFile(path, rows, bad_rows)


def copy_head(source: Path, target: Path, rows: int) -> PeopleFile:
    """Copy the header and the first rows of a file without bad rows."""
    with source.open("rb") as whole, target.open("wb") as head:
        head.write(whole.readline())
        written = 0
        for line in whole:
            if written == rows:
                break
            head.write(line)
            written += 1
    return PeopleFile(target, written, 0)


def draw_bad_kinds(rows: int, bad_ratio: float, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return for each row the index of its kind in BAD_KINDS, or -1 for a good row."""
    kinds = generator.integers(0, len(BAD_KINDS), rows)
    return np.where(generator.random(rows) < bad_ratio, kinds, -1)


def _blocks(rows: int, seed: int, block_rows: int) -> Iterator[tuple[int, int, np.random.SeedSequence]]:
    """Yield first id, rows and seed of each block."""
    starts = range(0, rows, block_rows)
    for start, block_seed in zip(starts, np.random.SeedSequence(seed).spawn(len(starts)), strict=True):
        yield start + 1, min(block_rows, rows - start), block_seed


def _render_block(
    first_id: int, kinds: NDArray[np.int64], generator: np.random.Generator, texts: Sequence[str]
) -> memoryview:
    """Return the lines of a block; the measurements come from a stream of their own, the notes from this one."""
    rows = len(kinds)
    people, _labels = draw_people(rows, np.random.SeedSequence(int(generator.integers(2**62))))
    ids = _text(np.arange(first_id, first_id + rows))
    height, weight, shoe_size = (_text(people[:, column]) for column in range(3))
    for kind, cell in (("missing", ""), ("text", "heavy"), ("out_of_range", "80400")):
        weight = pc.if_else(_is_kind(kinds, kind), cell, weight)
    notes = pa.array(texts).take(pa.array(generator.integers(0, len(texts), rows)))
    lines = pc.binary_join_element_wise(ids, height, weight, shoe_size, notes, ",")
    short = pc.binary_join_element_wise(ids, height, weight, ",")
    lines = pc.if_else(_is_kind(kinds, "too_few_cells"), short, lines)
    lines = pc.if_else(_is_kind(kinds, "too_many_cells"), pc.binary_join_element_wise(lines, "one more", ","), lines)
    return array_bytes(pc.binary_join_element_wise(lines, "\n", ""))


def _text(numbers: NDArray[Any]) -> Any:
    return pa.array(numbers).cast(pa.string())


def _is_kind(kinds: NDArray[np.int64], kind: str) -> Any:
    return pa.array(kinds == BAD_KINDS.index(kind))


def array_bytes(texts: Any) -> memoryview:
    """Return the bytes of all elements of an Arrow array of texts, one after the other, without a copy."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1)
    return memoryview(texts.buffers()[2])[offsets[0] : offsets[-1]]
