"""Any bytes, any cut: every row comes back once, in order, untouched, with what the model says of that row alone.

The reference reads one character after the other and knows nothing of blocks, numpy or pyarrow.
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.batches import CsvDialect, CsvLayout
from tests.builders import manifest
from worker.csv_records import read_blocks, split_into_chunks
from worker.csv_scoring import BlockScorer
from worker.predictor import Predictor

LIMITS = {1: (100.0, 250.0), 2: (30.0, 55.0)}
NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")

thorough = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Sloping:
    """An estimator whose answer depends on every bit of a row, and on nothing else."""

    def predict_proba(self, frame: Any) -> Any:
        share = 1 / (1 + np.exp((frame[:, 0] - 175) / 30 + (frame[:, 1] - 42) / 7))
        return np.column_stack((share, 1 - share))


PREDICTOR = Predictor(manifest(), Sloping())


class Reference:
    """One record after the other, one character after the other."""

    def __init__(self, document: bytes, delimiter: bytes) -> None:
        self.document, self.delimiter, self.position = document, delimiter, 0

    def records(self) -> Iterator[tuple[bytes, bytes, list[bytes] | None]]:
        """Yield each record's bytes, its terminator and its cells; no cells when a quote is never closed."""
        while self.position < len(self.document):
            start = self.position
            cells: list[bytes] | None = self.read_cells()
            stop = self.position
            terminator = self.read_terminator()
            if stop > start:
                yield self.document[start:stop], terminator, None if self.is_unclosed else cells

    def here(self) -> bytes:
        return self.document[self.position : self.position + 1]

    def take(self) -> bytes:
        self.position += 1
        return self.document[self.position - 1 : self.position]

    def read_cells(self) -> list[bytes]:
        cells = [self.read_cell()]
        while self.here() == self.delimiter:
            self.take()
            cells.append(self.read_cell())
        return cells

    def read_cell(self) -> bytes:
        cell = self.read_quoted() if self.here() == b'"' else b""
        while self.here() not in (self.delimiter, b"\n", b"\r", b""):
            cell += self.take()
        return cell

    is_unclosed = False

    def read_quoted(self) -> bytes:
        self.take()
        cell = b""
        while self.here():
            character = self.take()
            if character != b'"':
                cell += character
            elif self.here() == b'"':
                cell += self.take()
            else:
                return cell
        self.is_unclosed = True
        return cell

    def read_terminator(self) -> bytes:
        first = self.take()
        return first + self.take() if first == b"\r" and self.here() == b"\n" else first


def find_number(cell: bytes, low: float, high: float) -> float | None:
    text = cell.strip(b" \t")
    number = float(text) if NUMBER.fullmatch(text) else low - 1
    return number if low <= number <= high else None


def expected_suffix(cells: list[bytes] | None, delimiter: bytes) -> tuple[bytes, bool]:
    """Return how the row goes on, as far as it can be told without messages, and whether it is good."""
    values = [find_number(cells[index], *LIMITS[index]) for index in LIMITS] if cells and len(cells) == 4 else [None]
    if None in values:
        return delimiter * 4 + b"error" + delimiter, False
    row = np.array([values, values], np.float64)
    female, male = PREDICTOR._ask(row)[0]
    label = b"male" if male > female else b"female"
    return delimiter + delimiter.join((label, b"%b", b"%b", b"ok", b"", b"")), True


def layout(delimiter: bytes, *, data_start: int = 0) -> CsvLayout:
    dialect = CsvDialect(delimiter.decode(), "utf-8", "\n", header_start=0, data_start=data_start)
    return CsvLayout(dialect, header=("id", "Height", "Shoe", "note"), feature_columns=(1, 2))


def score(document: bytes, delimiter: bytes, *, chunk_bytes: int, block_bytes: int) -> tuple[list[bytes], bytes, int]:
    """Return the results, the errors and the number of rows, as a splitter and its workers make them."""
    scorer = BlockScorer(PREDICTOR, layout(delimiter))
    results, errors, rows = [], b"", 0
    for chunk in split_into_chunks(
        iter([document]), layout(delimiter), chunk_bytes=chunk_bytes, max_record_bytes=1 << 20
    ):
        row = chunk.first_row
        piece = document[chunk.start : chunk.stop]
        for block in read_blocks(
            iter([piece]), layout(delimiter).dialect, block_bytes=block_bytes, max_record_bytes=1 << 20
        ):
            scored = scorer.score(block, first_row=row)
            row += scored.rows
            results.append(scored.result)
            errors += scored.errors
        assert row == chunk.first_row + chunk.rows
        rows += chunk.rows
    return results, errors, rows


def check_row(result: bytes, position: int, own: bytes, terminator: bytes, suffix: bytes, is_good: bool) -> int:
    """Compare one row and return where the next one begins."""
    assert result.startswith(own, position)
    position += len(own)
    if not is_good:
        assert result.startswith(suffix, position)
        found = re.compile(rb'[^\n\r"]*("([^"]|"")*")?').match(result, position)
        assert found is not None
        position = found.end()
    else:
        before, _, rest = suffix.partition(b"%b")
        assert result.startswith(before, position)
        position += len(before)
        end = result.index(rest[-len(rest.split(b"%b")[1]) :], position)
        position = end + len(rest.split(b"%b")[1])
    assert result.startswith(terminator, position)
    return position + len(terminator)


def find_numbers(result: bytes, start: int, own: bytes, delimiter: bytes) -> list[float]:
    cells = result[start + len(own) :].split(delimiter, 4)
    return [float(cells[2]), float(cells[3])]


numbers = st.one_of(
    st.sampled_from([b"181", b" 181 ", b"+181", b"1.81e2", b"181.", b".2e3", b"00044", b"44", b"44.5", b"4.4E+1"]),
    st.floats(30, 250, allow_nan=False).map(lambda value: repr(value).encode()),
)
oddities = st.sampled_from(
    [
        b"",
        b" ",
        b"\t",
        b"1.81",
        b"1,81",
        b"nan",
        b"-inf",
        b"0x1F",
        b"1e400",
        b"1e-400",
        b"-",
        b".",
        b"1e",
        b"+-1",
        b"1_0",
        b"\xff",
        "١٨١".encode(),
        b"5'11\"",
        b'"',
        b"\xef\xbb\xbf181",
        b"1.2.3",
        b"\x00",
        b"9" * 400,
    ]
)
texts = st.one_of(
    st.text(alphabet="ab\",;\t|\n\r 'é", max_size=6).map(str.encode), st.binary(max_size=4), st.just(b"x" * 3000)
)
delimiters = st.sampled_from([b",", b";", b"\t", b"|"])
terminators = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\n\r"])


def quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'


def cells(values: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(values, values, values.map(quoted))


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A file that is good for the most part, with everything in it that people have, and its delimiter."""
    delimiter = draw(delimiters)
    features = cells(st.one_of(numbers, numbers, numbers, oddities))
    tidy_text = texts.map(quoted)
    text = draw(st.sampled_from([tidy_text, st.one_of(tidy_text, texts)]))
    row = st.tuples(cells(st.just(b"7")), features, features, text).map(list)
    ragged = st.lists(text, max_size=6)
    rows = draw(st.lists(st.tuples(st.one_of(row, row, row, ragged), terminators), max_size=12))
    document = b"".join(delimiter.join(row) + end for row, end in rows)
    return document + draw(st.sampled_from([b"", b"7%b181%b44%bx" % ((delimiter,) * 3), b'"', b"\r"])), delimiter


@given(documents(), st.integers(1, 80), st.integers(1, 80))
@thorough
def test_every_row_comes_back_once_in_order_and_untouched_with_its_own_prediction(
    case: tuple[bytes, bytes], chunk_bytes: int, block_bytes: int
) -> None:
    document, delimiter = case
    parts, errors, rows = score(document, delimiter, chunk_bytes=chunk_bytes, block_bytes=block_bytes)
    result, position, bad = b"".join(parts), 0, []

    expected = list(Reference(document, delimiter).records())
    for number, (own, terminator, found) in enumerate(expected, start=1):
        suffix, is_good = expected_suffix(found, delimiter)
        if is_good:
            values = [find_number(found[index], *LIMITS[index]) for index in LIMITS]  # type: ignore[index]  # Good rows have cells.
            answer = PREDICTOR._ask(np.array([values, values], np.float64))[0].tolist()
            assert find_numbers(result, position, own, delimiter) == answer
        else:
            bad.append(own + delimiter + str(number).encode() + delimiter)
        position = check_row(result, position, own, terminator or b"\n", suffix, is_good)

    assert (rows, position) == (len(expected), len(result))
    places = [errors.find(start) for start in bad]
    assert -1 not in places
    assert places == sorted(places)
    assert bool(errors) == bool(bad)


@given(documents(), st.integers(1, 40), st.integers(1, 40))
@thorough
def test_the_result_does_not_depend_on_where_the_file_is_cut(
    case: tuple[bytes, bytes], chunk_bytes: int, block_bytes: int
) -> None:
    document, delimiter = case
    cut = score(document, delimiter, chunk_bytes=chunk_bytes, block_bytes=block_bytes)
    whole = score(document, delimiter, chunk_bytes=1 << 30, block_bytes=1 << 30)

    assert (b"".join(cut[0]), *cut[1:]) == (b"".join(whole[0]), *whole[1:])


@given(st.text(alphabet='a",\n\r', max_size=40).map(str.encode), st.integers(1, 9), st.integers(1, 9))
@thorough
def test_blocks_are_the_records_of_the_file_whatever_the_pieces(
    document: bytes, block_bytes: int, piece_bytes: int
) -> None:
    pieces = (document[start : start + piece_bytes] for start in range(0, len(document), piece_bytes))
    blocks = read_blocks(pieces, layout(b",").dialect, block_bytes=block_bytes, max_record_bytes=100)

    found = [record for block in blocks for record in Reference(block, b",").records()]

    assert found == list(Reference(document, b",").records())


@given(st.text(alphabet='a",\n\r', max_size=40).map(str.encode), st.integers(1, 9))
@thorough
def test_chunks_touch_each_other_and_hold_the_rows_they_say(document: bytes, chunk_bytes: int) -> None:
    chunks = list(split_into_chunks(iter([document]), layout(b","), chunk_bytes=chunk_bytes, max_record_bytes=100))

    rows = [len(list(Reference(document[chunk.start : chunk.stop], b",").records())) for chunk in chunks]
    assert [chunk.rows for chunk in chunks] == rows
    assert sum(rows) == len(list(Reference(document, b",").records()))
    assert all(before.stop == after.start for before, after in pairwise(chunks))
    assert all(before.first_row + before.rows == after.first_row for before, after in pairwise(chunks))


@given(st.text(alphabet='a",\n\r', max_size=40).map(str.encode), st.integers(1, 9), st.data())
@thorough
def test_a_split_that_goes_on_behind_any_chunk_finds_the_same_chunks(
    document: bytes, chunk_bytes: int, data: st.DataObject
) -> None:
    file = b"header\n" + document
    split = partial(split_into_chunks, layout=layout(b",", data_start=7), chunk_bytes=chunk_bytes, max_record_bytes=100)
    whole = list(split(iter([document])))
    done = data.draw(st.integers(0, len(whole)))
    last = whole[done - 1] if done else None

    rest = split(iter([file[last.stop if last else 7 :]]), after=last)

    assert list(rest) == whole[done:]
