"""How a header is cut: its lines, quotes and delimiter, whatever spreadsheets write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.csv_header import MAX_HEADER_BYTES
from shared.batches import CsvDialect, CsvLayout
from tests.unit.api.csv_header.conftest import UTF8_MARK, layout, refusal


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_a_plain_file_is_read_as_it_is() -> None:
    found = layout(b"height,shoe_size\n181,44\n")

    assert found == CsvLayout(CsvDialect(",", "utf-8", "\n", 0, 17), ("height", "shoe_size"), (0, 1))


@pytest.mark.parametrize(
    ("head", "newline", "data_start"),
    [
        pytest.param(b"height,shoe_size\n181,44\n", "\n", 17, id="line feed"),
        pytest.param(b"height,shoe_size\r\n181,44\r\n", "\r\n", 18, id="both"),
        pytest.param(b"height,shoe_size\r181,44\r", "\r", 17, id="carriage return"),
        pytest.param(b"height,shoe_size\n\r\n181,44", "\n", 17, id="an empty line follows"),
    ],
)
def test_the_terminator_is_that_of_the_header(head: bytes, newline: str, data_start: int) -> None:
    dialect = layout(head).dialect

    assert (dialect.newline, dialect.data_start) == (newline, data_start)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param(b'"remarks\nand more"', "remarks\nand more", id="a newline"),
        pytest.param(b'"remarks\r\nand more"', "remarks\r\nand more", id="both characters"),
        pytest.param(b'"say ""no"""', 'say "no"', id="quotes"),
        pytest.param(b'"a,b"', "a,b", id="a delimiter"),
        pytest.param(b'""', "", id="nothing"),
    ],
)
def test_a_quoted_name_holds_what_it_likes(header: bytes, name: str) -> None:
    head = b"height,shoe_size," + header + b"\n"

    found = layout(head + b"181,44,x\n")

    assert (found.header[2], found.dialect.data_start) == (name, len(head))


def test_a_quote_that_is_never_closed_ends_with_its_line() -> None:
    found = layout(b'height,shoe_size,"remarks\n181,44,x\n')

    assert (found.header[:2], found.dialect.data_start) == (("height", "shoe_size"), 26)


def test_a_quote_that_begins_the_file_and_is_never_closed_ends_with_its_line() -> None:
    notes = refusal(b'"height,shoe_size\n181,44\n')

    assert [note.code for note in notes] == ["missing_column", "missing_column"]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(b"181,44,x\n", id="no quotes in the rows"),
        pytest.param(b'181,44,"x"\n', id="a quoted cell in the first row"),
        pytest.param(b"181,44,5'11\"\n", id="an inch in the first row"),
    ],
)
def test_an_inch_sign_within_a_name_is_no_quote(row: bytes) -> None:
    head = b'height,shoe_size,length in "\n'

    found = layout(head + row + b"160,37,y\n")

    assert found.dialect.data_start == len(head)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_finds_the_features(delimiter: str) -> None:
    head = (
        delimiter.join(["height", "shoe_size", "a,b;c"])
        if delimiter in "\t|"
        else delimiter.join(["height", "shoe_size"])
    )

    assert layout(head.encode() + b"\n1").dialect.delimiter == delimiter


def test_more_features_outweigh_more_columns() -> None:
    found = layout(b"height;shoe_size;a,b,c,d,e\n181;44;x\n")

    assert (found.dialect.delimiter, found.feature_columns) == (";", (0, 1))


def test_a_delimiter_that_was_named_is_used() -> None:
    found = layout(b"height:shoe_size\n181:44\n", delimiter=":")

    assert (found.dialect.delimiter, found.header) == (":", ("height", "shoe_size"))


def test_a_delimiter_that_was_named_is_used_although_another_fits() -> None:
    notes = refusal(b"height,shoe_size\n181,44\n", delimiter=";")

    assert [note.code for note in notes] == ["missing_column", "missing_column"]


@pytest.mark.parametrize("delimiter", [",,", "ä", '"', "\n", "\r", "\0"])
def test_a_delimiter_that_cannot_be_one_is_refused(delimiter: str) -> None:
    (note,) = refusal(b"height,shoe_size\n181,44\n", delimiter=delimiter)

    assert note.code == "bad_delimiter"


@pytest.mark.parametrize(
    ("lines", "mark"),
    [
        pytest.param(b"\n", b"", id="one"),
        pytest.param(b"\r\n\r\n", b"", id="two"),
        pytest.param(b"\n", UTF8_MARK, id="behind a byte order mark"),
    ],
)
def test_empty_lines_before_the_header_are_passed_over(lines: bytes, mark: bytes) -> None:
    start = mark + lines

    found = layout(start + b"height,shoe_size\n181,44\n")

    assert found.header == ("height", "shoe_size")
    assert (found.dialect.header_start, found.dialect.data_start) == (len(start), len(start) + 17)


@pytest.mark.parametrize("delimiter", [",", ";", None])
def test_a_quote_opens_a_name_only_at_its_start(delimiter: str | None) -> None:
    head = b'height;shoe_size;"a;\nb"c"d;e"\n'.replace(b";", (delimiter or ",").encode())

    found = layout(head + b"1,2,3,4\n", delimiter=delimiter)

    assert (found.dialect.data_start, len(found.header)) == (len(head), 4)


def test_a_header_without_an_end_is_refused() -> None:
    (note,) = refusal(b"height,shoe_size" + b" " * (MAX_HEADER_BYTES - 16), is_whole=False)

    assert note.code == "header_too_long"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"height,shoe_size", id="without an end of line"),
        pytest.param(b"height,shoe_size\n", id="with one"),
        pytest.param(b"height,shoe_size\r\n", id="with both characters"),
        pytest.param(b"height,shoe_size\n\n\r\n", id="and empty lines"),
        pytest.param(UTF8_MARK + b"height,shoe_size\n", id="behind a byte order mark"),
    ],
)
def test_a_header_alone_has_no_rows(head: bytes) -> None:
    (note,) = refusal(head)

    assert note.code == "no_rows"


def test_a_header_whose_rows_are_not_read_yet_may_have_some() -> None:
    assert layout(b"height,shoe_size\n", is_whole=False).dialect.data_start == 17


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b" \n\r\n\t", id="white space"),
        pytest.param(UTF8_MARK, id="a byte order mark"),
    ],
)
def test_a_file_without_content_is_empty(head: bytes) -> None:
    (note,) = refusal(head)

    assert note.code == "empty_file"


#: Names that are no feature's; those that need quotes are quoted.
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).map("x".__add__)


@given(
    names=st.lists(NAMES, max_size=8),
    place=st.integers(0, 8),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.sampled_from([b"", UTF8_MARK]),
)
def test_the_data_begins_right_behind_any_header(
    names: list[str], place: int, delimiter: str, newline: str, mark: bytes
) -> None:
    all_names = [*names[:place], "height", "shoe_size", *names[place:]]
    header = delimiter.join(quoted(name) for name in all_names) + newline
    data = "181ä,44".encode()

    found = layout(mark + header.encode() + data, delimiter=delimiter)

    assert found.header == tuple(all_names)
    assert (mark + header.encode() + data)[found.dialect.data_start :] == data
    assert found.dialect.newline == newline
