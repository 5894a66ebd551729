import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.batches import CsvDialect, CsvLayout
from shared.manifest import Feature
from shared.row_errors import RowErrorCode
from tests.builders import manifest
from worker.csv_scoring import BlockScorer, ScoredBlock
from worker.predictor import Predictor

DIALECT = CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=0)
LAYOUT = CsvLayout(DIALECT, header=("id", "Height (cm)", "Shoe"), feature_columns=(1, 2))
COLOUR = Feature(name="colour", type="category", categories=("röd", "blue"), example="blue")
NOTE = Feature(name="note", type="text", maximum_length=20, example="good")
COUNT = Feature(name="count", type="integer", example=1)

RAISES, ANSWERS_NAN = 113.0, 107.0


class Moody:
    """An estimator of arrays that fails for two heights and otherwise answers by the last digit."""

    def predict_proba(self, frame: Any) -> Any:
        if (frame[:, 0] == RAISES).any():
            raise ValueError("an unlucky row")
        male = (frame[:, 0] % 10) / 10
        male[frame[:, 0] == ANSWERS_NAN] = np.nan
        return np.column_stack((1 - male, male))

    def predict(self, frame: Any) -> Any:
        return frame.sum(axis=1)


class Tabular:
    """An estimator of tables that answers with the lengths of its texts."""

    def predict(self, frame: Any) -> Any:
        return np.array([float(len(colour) * 100 + len(note)) for colour, note in zip(*frame.values.T, strict=True)])


class Misshapen:
    def predict_proba(self, frame: Any) -> Any:
        return np.zeros((len(frame), 3))


def scorer(estimator: object | None = None, *, layout: CsvLayout = LAYOUT, **overrides: Any) -> BlockScorer:
    return BlockScorer(Predictor(manifest(**overrides), estimator or Moody()), layout)


def in_dialect(**changes: Any) -> CsvLayout:
    return replace(LAYOUT, dialect=replace(DIALECT, **changes))


def cells(scored: ScoredBlock) -> list[list[str]]:
    return list(csv.reader(io.StringIO(scored.result.decode(errors="replace"), newline="")))


def error_of(cell: bytes) -> tuple[str, str]:
    row = cells(scorer().score(b"1," + cell + b",44\n", first_row=1))[0]
    return row[-2], row[-1]


def tables(block: bytes, encoding: str = "utf-8") -> ScoredBlock:
    """Score rows of a colour and a note."""
    layout = CsvLayout(replace(DIALECT, encoding=encoding), header=("Colour", "Note"), feature_columns=(0, 1))
    return scorer(Tabular(), layout=layout, features=(COLOUR, NOTE), classes=None).score(block, first_row=1)


def test_a_row_comes_back_as_it_came_with_its_prediction() -> None:
    scored = scorer().score(b'"1", 182 ,"44"\r\n', first_row=1)

    assert scored == ScoredBlock(b'"1", 182 ,"44",female,0.8,0.2,ok,,\r\n', b"", rows=1, failed=0, errors_by_code={})


def test_a_row_keeps_its_own_terminator_and_the_last_one_gets_the_files() -> None:
    scored = scorer(layout=in_dialect(newline="\r\n")).score(b"1,180,44\n2,180,44\r3,180,44", first_row=1)

    end = b",female,1,0,ok,,"
    assert scored.result == b"1,180,44" + end + b"\n2,180,44" + end + b"\r3,180,44" + end + b"\r\n"


def test_empty_lines_do_not_come_back() -> None:
    assert scorer().score(b"\n\n1,180,44\n\r\n\n2,180,44\n\n", first_row=1).result.count(b"\n") == 2


def test_a_block_without_rows_has_no_result() -> None:
    assert scorer().score(b"\r\n", first_row=1) == ScoredBlock(b"", b"", rows=0, failed=0)


def test_one_bad_row_does_not_fail_its_neighbours() -> None:
    scored = scorer().score(b"1,181,44\n2,x,44\n3,181,44\n", first_row=11)

    assert [row[-3] for row in cells(scored)] == ["ok", "error", "ok"]
    assert (scored.rows, scored.failed, scored.errors_by_code) == (3, 1, {"not_a_number": 1})
    assert scored.errors == b"2,x,44,12,not_a_number,Height (cm),'x' is not a finite number with a decimal point\n"


def test_a_row_that_failed_has_neither_prediction_nor_probabilities() -> None:
    assert scorer().score(b"1,,44\n", first_row=1).result == (
        b'1,,44,,,,error,missing_value,"send height in cm, such as 181"\n'
    )


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        (b"", "missing_value", "send height in cm, such as 181"),
        (b'"  "', "missing_value", "send height in cm, such as 181"),
        (b"1.81", "out_of_range", "1.81 is outside 100 to 250 cm; looks like metres; send centimetres (181)"),
        (b'"1,81"', "not_a_number", '"1,81" looks like a decimal comma; write 1.81'),
        (b'"1,234"', "not_a_number", '"1,234" has a separator of thousands; write 1.234 or 1234'),
        (b'"1,234.5"', "not_a_number", '"1,234.5" has a separator of thousands; write 1234.5'),
        (b"0xB5", "not_a_number", "'0xB5' is not a finite number with a decimal point"),
        (b"nan", "not_a_number", "'nan' is not a finite number with a decimal point"),
        (b"1e999", "not_a_number", "send a finite number that fits 64 bits"),
        (b"x" * 99, "not_a_number", f"'{'x' * 64}'… is not a number"),
        (b"\xff", "not_decodable", "byte 0xff is no text in utf-8; save the file in that encoding again"),
    ],
)
def test_a_bad_cell_is_explained(cell: bytes, code: str, message: str) -> None:
    assert error_of(cell) == (code, message)


@pytest.mark.parametrize("cell", [b"181", b" 181\t", b'"181"', b"+181", b"1.81e2", b"181.", b"000181.0", b"1810E-1"])
def test_a_number_may_be_spelled_in_many_ways(cell: bytes) -> None:
    assert error_of(cell) == ("", "")


def test_the_first_bad_feature_of_the_manifest_is_named() -> None:
    layout = replace(LAYOUT, feature_columns=(2, 1))

    assert b",1,not_a_number,Shoe," in scorer(layout=layout).score(b"1,x,y\n", first_row=1).errors


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b"1", "the row has 1 cell, the header 3"),
        (b"1,2,3,\xff", "the row has 4 cells, the header 3; put quotes around a cell that holds the delimiter"),
        (b'1,180,"44', "a quote is opened in this row and never closed, so the rest of the file is in one cell"),
    ],
)
def test_a_ragged_row_comes_back_with_its_error(row: bytes, message: str) -> None:
    scored = scorer().score(b"0,180,44\n" + row, first_row=1)

    quoted = f'"{message}"'.encode()
    assert scored.result.endswith(b"\n" + row + b",,,,error,wrong_column_count," + quoted + b"\n")
    assert scored.errors == row + b",2,wrong_column_count,," + quoted + b"\n"


def test_a_count_has_no_fraction() -> None:
    layout = CsvLayout(DIALECT, header=("n",), feature_columns=(0,))
    scored = scorer(layout=layout, features=(COUNT,), classes=None).score(b"3\n3.5\n3.0\n", first_row=1)

    assert [row[1:4] for row in cells(scored)] == [
        ["3", "ok", ""],
        ["", "error", "not_an_integer"],
        ["3", "ok", ""],
    ]


def test_a_row_that_makes_the_model_fail_stands_alone() -> None:
    scored = scorer().score(b"".join(b"%d,%d,44\n" % (n, 100 + n) for n in range(1, 30)), first_row=1)

    assert [row[0] for row in cells(scored) if row[-3] == "error"] == ["7", "13"]
    assert scored.errors_by_code == {"output_invalid": 1, "prediction_failed": 1}
    assert b"7,107,44,7,output_invalid,,the model did not give one finite probability per class\n" in scored.errors
    assert b"13,113,44,13,prediction_failed,,the model raised ValueError: an unlucky row\n" in scored.errors


def test_a_model_that_answers_in_another_shape_fails_every_row() -> None:
    assert scorer(Misshapen()).score(b"1,180,44\n2,180,44\n", first_row=1).errors_by_code == {"output_invalid": 2}


def test_rows_can_be_failed_without_asking_the_model() -> None:
    scored = scorer().fail(b"1,180,44\n\n2,x", first_row=5, code=RowErrorCode.WORKER_DIED, message="it, died")

    assert scored.result == b'1,180,44,,,,error,worker_died,"it, died"\n2,x,,,,error,worker_died,"it, died"\n'
    assert scored.errors == b'1,180,44,5,worker_died,,"it, died"\n2,x,6,worker_died,,"it, died"\n'
    assert (scored.rows, scored.failed, scored.errors_by_code) == (2, 2, {"worker_died": 2})


def test_labels_are_written_in_the_dialect_of_the_file() -> None:
    target = scorer(layout=in_dialect(delimiter=";", encoding="cp1252"), classes=("a;b", "ö☃"))

    assert target.score(b"1;189;44\n2;180;44", first_row=1).result == (
        b'1;189;44;\xf6?;0.09999999999999998;0.9;ok;;\n2;180;44;"a;b";1;0;ok;;\n'
    )


def test_a_regression_has_no_probabilities() -> None:
    target = scorer(classes=None)

    assert target.score(b"1,180,44.5\n2,,\n", first_row=1).result.startswith(b"1,180,44.5,224.5,ok,,\n2,,,,error,")


def test_numbers_read_back_as_the_same_numbers_however_many_differ() -> None:
    heights = np.random.default_rng(1).uniform(120, 200, 5000)
    block = b"".join(b"1,%b,44\n" % repr(float(height)).encode() for height in heights)

    male = [float(row[5]) for row in cells(scorer().score(block, first_row=1))]
    few = [float(row[5]) for row in cells(scorer().score(b"1,123.4,44\n1,,44\n" * 3000, first_row=1)) if row[5]]

    assert male == ((heights % 10) / 10).tolist()
    assert few == [(123.4 % 10) / 10] * 3000


def test_texts_and_categories_are_decoded() -> None:
    scored = tables('"röd","say ""hi"""\n"blue",åäö\nblue,x\n'.encode())

    assert [row[2:4] for row in cells(scored)] == [["308", "ok"], ["403", "ok"], ["401", "ok"]]


def test_texts_are_decoded_in_the_encoding_of_the_file() -> None:
    scored = tables("röd,åäö\n".encode("cp1252"), "cp1252")

    assert scored.result == "röd,åäö,303,ok,,\n".encode("cp1252")


@pytest.mark.parametrize(
    ("row", "column", "code"),
    [
        (b"green,x", "Colour", "not_a_category"),
        (b",x", "Colour", "missing_value"),
        (b"blue,", "Note", "missing_value"),
        (b"blue,\xff", "Note", "not_decodable"),
        (b"blue," + b"x" * 21, "Note", "out_of_range"),
    ],
)
def test_a_bad_text_fails_its_row(row: bytes, column: str, code: str) -> None:
    scored = tables(b"blue,y\n" + row + b"\n1,2,3\n")

    assert scored.errors.startswith(row + f",2,{code},{column},".encode())
    assert (scored.failed, scored.errors_by_code[code]) == (2, 1)
