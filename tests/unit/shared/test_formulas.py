"""Which cells a spreadsheet would run, and how they become text with every other byte in its place."""

import csv
import io
import re
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.batches import CsvDialect
from shared.formulas import FormulaCells, escape_text, is_formula

DIALECT = CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=0)
#: What the reference takes for a number, and what no cell may begin with.
NUMBER = re.compile(r"[ \t]*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)(e[+-]?[0-9]+)?[ \t]*")
DANGEROUS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

texts = st.lists(
    st.sampled_from([*"=+-@\t\r\n \uff1d'\"1.,;e5x", '=HYPERLINK("http://x","y")', "-1.5", "+3e5", "Zoë"]), max_size=5
).map("".join)


def escape(record: bytes, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    return FormulaCells(CsvDialect(delimiter, encoding, "\n", header_start=0, data_start=0)).escape(record)


def write_record(row: list[str], delimiter: str, quoting: Literal[0, 1]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=quoting).writerow(row)
    return written.getvalue().removesuffix("\r\n").encode()


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x","y")',
        "=1",
        "+cmd|' /C calc'!A0",
        "-1+1",
        "@SUM(1)",
        "\tx",
        "\rx",
        "\nx",
        pytest.param("  =1", id="spaces that some programs drop"),
        pytest.param(" \t=1", id="a tab behind a space"),
        pytest.param("\uff1d1+1", id="full-width ="),
        pytest.param("\uff0b1+1", id="full-width +"),
        pytest.param("\uff0d1", id="full-width -, which is no sign of a number"),
        pytest.param("\uff20x", id="full-width @"),
        "=",
        "-",
        "--1",
        "-inf",
        "+nan",
        "-1e",
        "-1.2.3",
        "-12,34,567",
        pytest.param("+49 30 123", id="a telephone number"),
        "-5 %",
        "-1\n",
        "=-1.5",
    ],
)
def test_text_that_a_spreadsheet_would_run_is_a_formula(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        " ",
        "a=1",
        "5-3",
        "'=1",
        "'-x",
        "\u22121",
        "-1",
        "+1",
        "-1.5",
        "+.5",
        "-5.",
        "-1e-5",
        "+3E+5",
        " -1.5 ",
        "\t-1.5",
        "-1,5",
        "-1,5e3",
        "-1,234.50",
        "-1.234.567,5",
        "-1'234.5",
        "+1 234 567",
    ],
)
def test_numbers_and_other_text_are_no_formulas(text: str) -> None:
    assert not is_formula(text)


@given(texts)
def test_text_that_was_escaped_is_not_escaped_again(text: str) -> None:
    assert escape_text(escape_text(text)) == escape_text(text)


@pytest.mark.parametrize(
    ("record", "escaped"),
    [
        pytest.param(b"a,=1,-1.5", b"a,'=1,-1.5", id="as it is"),
        pytest.param(b'"=1","-1.5"', b'"\'=1","-1.5"', id="inside its quotes"),
        pytest.param(b'=HYPERLINK("http://x"', b'\'=HYPERLINK("http://x"', id="with quotes that are text"),
        pytest.param(b'"=HYPERLINK(""http://x"",""y"")"', b'"\'=HYPERLINK(""http://x"",""y"")"', id="escaped quotes"),
        pytest.param(b'"\n=1",x', b'"\'\n=1",x', id="a newline in front"),
        pytest.param(b'"a\n=1",x', b'"a\n=1",x', id="a newline before a sign inside of a text"),
        pytest.param(b'""=1,x', b'""\'=1,x', id="behind empty quotes"),
        pytest.param(b'"""=1",x', b'"""=1",x', id="a quote in front"),
        pytest.param(b'"a,=1",x', b'"a,=1",x', id="a delimiter inside of a text"),
        pytest.param(b"  =1,x", b"'  =1,x", id="before the spaces"),
        pytest.param(b'x,"=1', b"x,\"'=1", id="a quote that is never closed"),
        pytest.param(b"=,,=", b"'=,,'=", id="the first and the last cell"),
        pytest.param(b"'=1,'-x", b"'=1,'-x", id="what is escaped already"),
        pytest.param(b"=\xff", b"'=\xff", id="bytes that are no text"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_the_mark_stands_before_the_text_of_the_cell(record: bytes, escaped: bytes) -> None:
    assert escape(record) == escaped


@pytest.mark.parametrize(
    ("record", "delimiter", "escaped"),
    [
        (b"=1;-1,5;x,=1", ";", b"'=1;-1,5;x,=1"),
        (b'=1\t"\tx"\t-2', "\t", b"'=1\t\"'\tx\"\t-2"),
        (b"\tx|=1", "|", b"'\tx|'=1"),
    ],
)
def test_cells_end_at_the_delimiter_of_the_file(record: bytes, delimiter: str, escaped: bytes) -> None:
    assert escape(record, delimiter) == escaped


def test_the_bytes_of_a_full_width_sign_are_other_letters_elsewhere() -> None:
    sign = "\uff1d1".encode()

    assert (escape(sign), escape(sign, encoding="latin-1")) == (b"'" + sign, sign)


@settings(max_examples=500)
@given(
    st.lists(texts, min_size=1, max_size=4),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_every_cell_comes_back_as_it_was_or_with_a_mark_and_none_is_dangerous(
    row: list[str], delimiter: str, quoting: Literal[0, 1]
) -> None:
    escaped = escape(write_record(row, delimiter, quoting), delimiter)

    (read,) = csv.reader(io.StringIO(escaped.decode(), newline=""), delimiter=delimiter)
    assert all(after in (before, "'" + before) for before, after in zip(row, read, strict=True))
    assert all(NUMBER.fullmatch(cell) for cell in read if cell.startswith(DANGEROUS))
    assert all(after == before for before, after in zip(row, read, strict=True) if NUMBER.fullmatch(before))


@given(st.lists(texts, min_size=1, max_size=4), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_an_escaped_record_is_restored_by_its_original(row: list[str], quoting: Literal[0, 1]) -> None:
    record = write_record(row, ",", quoting)

    assert FormulaCells(DIALECT).restore(escape(record), record) == record


@pytest.mark.parametrize(
    ("mended", "original", "restored"),
    [
        pytest.param(b"'=1,5", b"=1,x", b"=1,5", id="a mark of ours"),
        pytest.param(b"'=1,5", b"'=1,x", b"'=1,5", id="a mark of its own"),
        pytest.param(b"'=1,'=1", b"=1,'=1", b"=1,'=1", id="one of each"),
        pytest.param(b"'=1,a,5", b"'=1,5", b"'=1,a,5", id="a mark of its own, in a row that was too short"),
        pytest.param(b"'=2,5", b"=1,x", b"=2,5", id="a cell that was changed behind its mark"),
        pytest.param(b"=1,5", b"=1,x", b"=1,5", id="a mark that a program took off"),
        pytest.param(b"'tis,'-5", b"x,y", b"'tis,'-5", id="what is no mark"),
        pytest.param(b'"\'=1",""\'=2', b"=1,=2", b'"=1",""=2', id="in and behind quotes"),
    ],
)
def test_a_mended_record_loses_our_marks_only(mended: bytes, original: bytes, restored: bytes) -> None:
    assert FormulaCells(DIALECT).restore(mended, original) == restored
