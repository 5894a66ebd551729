"""Blocks in which formulas are escaped: the same as cell by cell, and scored as if nothing had been escaped."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.batches import CsvDialect, CsvLayout, Formulas
from shared.formulas import FormulaCells
from shared.manifest import Feature
from shared.row_errors import RowErrorCode
from tests.builders import manifest
from worker.csv_formulas import FormulaEscaper
from worker.csv_records import find_records, without_empty_lines
from worker.csv_scoring import BlockScorer
from worker.predictor import Predictor

DIALECT = CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=0)
LAYOUT = CsvLayout(DIALECT, header=("note", "Height", "=Shoe"), feature_columns=(1, 2))
LEVEL = Feature(name="level", type="category", categories=("-low", "=high", "'=high"), example="-low")

fragments = [*"=+-@\t\r\n \uff1d'\"1.,;|e5x", "-1.5", '"-2",', "\n-3,", '"\n', ' "', "      =", '""']
blocks = st.lists(st.sampled_from(fragments), min_size=1, max_size=30).map("".join)


class Shares:
    """An estimator that answers by the last digit of the height."""

    def predict_proba(self, frame: Any) -> Any:
        male = (frame[:, 0] % 10) / 10
        return np.column_stack((1 - male, male))

    def predict(self, frame: Any) -> Any:
        return frame[:, 0] - 200.5


class Levels:
    """An estimator of tables that tells the categories apart."""

    def predict(self, frame: Any) -> Any:
        return np.array([float(LEVEL.categories.index(level)) for level in frame["level"]])


class Rude:
    def predict_proba(self, frame: Any) -> Any:
        raise ValueError


def scorer(estimator: object | None = None, *, layout: CsvLayout = LAYOUT, **overrides: Any) -> BlockScorer:
    return BlockScorer(Predictor(manifest(**overrides), estimator or Shares()), layout, formulas=Formulas.ESCAPE)


@settings(max_examples=1_000, deadline=None)
@given(blocks, st.sampled_from(",;\t| x=-1"), st.sampled_from(["utf-8", "latin-1"]))
def test_a_block_is_escaped_as_its_records_are_one_by_one(text: str, delimiter: str, encoding: str) -> None:
    dialect = CsvDialect(delimiter, encoding, "\n", header_start=0, data_start=0)
    raw = text.encode()
    block, records = without_empty_lines(raw, find_records(raw, delimiter, is_last=True))
    ranges = list(zip(records.starts.tolist(), records.stops.tolist(), records.next_starts.tolist(), strict=True))
    cells = FormulaCells(dialect)

    escaped, shifted = FormulaEscaper(dialect).escape(block, records)

    assert escaped == b"".join(cells.escape(block[start:stop]) + block[stop:end] for start, stop, end in ranges)
    found = find_records(escaped, delimiter, is_last=True)
    assert [found.starts.tolist(), found.stops.tolist(), found.next_starts.tolist(), found.consumed] == [
        shifted.starts.tolist(),
        shifted.stops.tolist(),
        shifted.next_starts.tolist(),
        shifted.consumed,
    ]


@pytest.mark.parametrize(
    "block",
    [
        b'x,-1.5,2024-03-01\n-.5e-5,a=b,"-3"\n',
        b"a - b, -2 ,me@home\n'=1,x,\n",
        b'"","",""\n"x"\n',
    ],
)
def test_a_block_without_formulas_is_not_copied(block: bytes) -> None:
    records = find_records(block, ",", is_last=True)

    escaped, same = FormulaEscaper(DIALECT).escape(block, records)

    assert (escaped is block, same is records) == (True, True)


def test_no_record_is_read_for_its_negative_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FormulaCells, "find", lambda *_: pytest.fail("a record was read"))
    block = b'-1,+2.5,-3e5 ,"-4", -5\n' * 3

    escaped, _ = FormulaEscaper(DIALECT).escape(block, find_records(block, ",", is_last=True))

    assert escaped == block


def test_a_row_comes_back_with_its_formula_escaped_and_its_numbers_as_they_are() -> None:
    block = b'"=HYPERLINK(""http://x"",""y"")",181,44\n-1.5,182,44\n'

    scored = scorer().score(block, first_row=1)

    assert scored.result == (
        b'"\'=HYPERLINK(""http://x"",""y"")",181,44,female,0.9,0.1,ok,,\n-1.5,182,44,female,0.8,0.2,ok,,\n'
    )


def test_without_the_option_formulas_come_back_as_they_came() -> None:
    target = BlockScorer(Predictor(manifest(), Shares()), LAYOUT)

    assert target.score(b"=1,181,44\n", first_row=1).result == b"=1,181,44,female,0.9,0.1,ok,,\n"


def test_the_errors_are_escaped_too_with_what_they_say() -> None:
    scored = scorer().score(b"\n=1,-5,44\r\n@x,181,tall\r\n", first_row=1)

    assert scored.errors == (
        b"'=1,-5,44,1,out_of_range,Height,'-5 is outside 100 to 250 cm\r\n"
        b"'@x,181,tall,2,not_a_number,'=Shoe,'tall' is not a finite number with a decimal point\r\n"
    )
    assert b"error,out_of_range,'-5 is outside 100 to 250 cm\r\n" in scored.result


def test_rows_that_are_failed_without_the_model_are_escaped() -> None:
    scored = scorer().fail(b"=1,181,44\n", first_row=1, code=RowErrorCode.WORKER_DIED, message="=died")

    assert scored.result == b"'=1,181,44,,,,error,worker_died,'=died\n"
    assert scored.errors == b"'=1,181,44,1,worker_died,,'=died\n"


def test_rows_that_are_numbered_one_by_one_keep_their_numbers() -> None:
    scored = scorer(Rude()).score(b"=1,181,44\n=2,181,44\n", first_row=1, row_numbers=[7, 9])

    assert [line.split(b",")[:4] for line in scored.errors.splitlines()] == [
        [b"'=1", b"181", b"44", b"7"],
        [b"'=2", b"181", b"44", b"9"],
    ]


def test_classes_are_escaped_unless_they_are_numbers() -> None:
    scored = scorer(classes=("-1", "=x")).score(b"a,181,44\nb,189,44\n", first_row=1)

    assert [line.split(b",")[3] for line in scored.result.splitlines()] == [b"-1", b"'=x"]


def test_predictions_that_are_negative_numbers_are_not_escaped() -> None:
    assert scorer(classes=None).score(b"a,181,44\n", first_row=1).result == b"a,181,44,-19.5,ok,,\n"


def test_a_category_that_begins_with_a_sign_is_predicted_as_it_is() -> None:
    layout = CsvLayout(DIALECT, header=("level",), feature_columns=(0,))
    target = scorer(Levels(), layout=layout, features=(LEVEL,), classes=None)

    scored = target.score(b"-low\n=high\n'=high\n=low\n", first_row=1)

    assert scored.result.splitlines()[:3] == [b"'-low,0,ok,,", b"'=high,1,ok,,", b"'=high,2,ok,,"]
    assert scored.errors.startswith(b"'=low,4,not_a_category,level,\"'=low' is none of")
