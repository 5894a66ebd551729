"""How the beginning of a file is read: whatever spreadsheets write, and a clear word where it cannot be read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.csv_header import MAX_COLUMNS, MAX_HEADER_BYTES, CsvOptions, read_layout
from shared.batches import CsvDialect, CsvLayout
from shared.errors import FieldNote, InputInvalid
from shared.manifest import Feature
from tests.builders import HEIGHT, SHOE_SIZE

FEATURES = (HEIGHT, SHOE_SIZE)
ROW = b"181,44"
UTF8_MARK = b"\xef\xbb\xbf"


def layout(
    head: bytes, *, features: tuple[Feature, ...] = FEATURES, is_whole: bool = True, **options: Any
) -> CsvLayout:
    return read_layout(head, features, CsvOptions(**options), is_whole=is_whole)


def refusal(head: bytes, *, is_whole: bool = True, **options: Any) -> list[FieldNote]:
    with pytest.raises(InputInvalid) as refused:
        layout(head, is_whole=is_whole, **options)
    return list(refused.value.errors)


def of_columns(*names: str) -> CsvLayout:
    """The layout of a file with these columns and one row."""
    return layout(",".join(names).encode() + b"\n" + b",".join([b"181"] * len(names)) + b"\n")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_a_plain_file_is_read_as_it_is() -> None:
    found = layout(b"height,shoe_size\n181,44\n")

    assert found == CsvLayout(CsvDialect(",", "utf-8", "\n", 0, 17), ("height", "shoe_size"), (0, 1))


def test_columns_stand_in_any_order_among_others() -> None:
    found = of_columns("name", "shoe_size", "town", "height")

    assert (found.header, found.feature_columns) == (("name", "shoe_size", "town", "height"), (3, 1))


@pytest.mark.parametrize(
    ("head", "encoding", "header"),
    [
        pytest.param("height,shoe_size,größe\n".encode(), "utf-8", "größe", id="UTF-8"),
        pytest.param("height,shoe_size,größe\n".encode("cp1252"), "cp1252", "größe", id="cp1252"),
        pytest.param(b"height,shoe_size,\x80\n", "cp1252", "€", id="cp1252, where Latin-1 has none"),
        pytest.param(b"height,shoe_size,x\n", "utf-8", "x", id="ASCII"),
        pytest.param(b"height,shoe_size,\x81\n", "cp1252", "\ufffd", id="no character in any of them"),
    ],
)
def test_the_encoding_is_told_by_the_bytes(head: bytes, encoding: str, header: str) -> None:
    found = layout(head + ROW)

    assert (found.dialect.encoding, found.header[2]) == (encoding, header)


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        pytest.param("latin-1", "latin-1", id="as it is written"),
        pytest.param("CP1252", "cp1252", id="in capitals"),
        pytest.param("iso8859-15", "iso8859-15", id="with the euro sign"),
    ],
)
def test_an_encoding_that_was_named_is_used(encoding: str, expected: str) -> None:
    assert layout(b"height,shoe_size\n181,44\n", encoding=encoding).dialect.encoding == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "cp037", "rot13", "x" * 1_000])
def test_an_encoding_in_which_records_cannot_be_cut_is_refused(encoding: str) -> None:
    (note,) = refusal(b"height,shoe_size\n181,44\n", encoding=encoding)

    assert note.code == "unsupported_encoding"
    assert "utf-8" in note.detail
    assert len(note.detail) < 200


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_cut_in_two_by_the_end_of_the_head_is_still_utf8(cut: int) -> None:
    head = ("height,shoe_size,x\n181,44," + "😀").encode()

    assert layout(head[:-cut], is_whole=False).dialect.encoding == "utf-8"


def test_a_bad_character_before_the_end_of_the_head_is_no_utf8() -> None:
    assert layout(b"height,shoe_size,x\n181,44,\xe4\n181,44,x", is_whole=False).dialect.encoding == "cp1252"


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    found = layout(UTF8_MARK + b"height,shoe_size\n181,44\n")

    assert found.header == ("height", "shoe_size")
    assert (found.dialect.header_start, found.dialect.data_start) == (3, 20)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_wide_characters_are_refused(encoding: str) -> None:
    (note,) = refusal("height,shoe_size\n181,44\n".encode(encoding))

    assert note.code in ("unsupported_encoding", "not_csv")


@pytest.mark.parametrize(
    "mark", [pytest.param(b"\xff\xfe", id="little end first"), pytest.param(b"\xfe\xff", id="big")]
)
def test_a_utf16_file_is_told_what_to_save_it_as(mark: bytes) -> None:
    (note,) = refusal(mark + b"h\0e\0")

    assert note.code == "unsupported_encoding"
    assert "UTF-8" in note.detail


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"PK\x03\x04\x14\0\x06\0", id="a spreadsheet"),
        pytest.param(b"height,shoe_size\n181,\x0044\n", id="a NUL among the rows"),
    ],
)
def test_nul_bytes_are_no_csv(head: bytes) -> None:
    (note,) = refusal(head)

    assert note.code == "not_csv"
    assert "spreadsheet" in note.detail


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
    "name",
    [
        "height",
        "HEIGHT",
        " height ",
        "Height (cm)",
        "height [cm]",
        "height(CM)",
        "Height ( cm ) ",
        '"Height (cm)"',
    ],
)
def test_case_spaces_and_the_own_unit_do_not_matter(name: str) -> None:
    assert of_columns("x", name, "shoe_size").feature_columns == (1, 2)


@pytest.mark.parametrize(
    "name", ["Shoe Size", "shoe-size", "ShoeSize", "SHOE_SIZE", "shoe  size (EU)", "shoe_size [eu]"]
)
def test_spaces_underscores_and_hyphens_are_the_same(name: str) -> None:
    assert of_columns("height", name).feature_columns == (0, 1)


@pytest.mark.parametrize("name", ["height (m)", "Height [inch]", "height (cm or m)"])
def test_a_column_in_another_unit_is_not_taken(name: str) -> None:
    (note,) = refusal(name.encode() + b",shoe_size\n1.81,44\n")

    assert (note.pointer, note.code) == ("/columns/height", "missing_column")
    assert "height in cm" in note.detail
    assert name in note.detail


@pytest.mark.parametrize("name", ["sepal length (cm)", "size [EU]", "rate (%)"])
def test_a_feature_with_brackets_in_its_name_is_found_by_its_name(name: str) -> None:
    feature = Feature(name=name, example=1.0)

    found = layout(name.encode() + b"\n1\n", features=(feature,))

    assert found.feature_columns == (0,)


def test_a_column_can_be_named_for_a_feature() -> None:
    found = layout(b"Body height,shoe_size\n181,44\n", columns={"height": "Body height"})

    assert found.feature_columns == (0, 1)


def test_a_column_that_was_named_wins_over_one_of_the_feature_s_name() -> None:
    found = layout(b"height,shoe_size,Body height\n1.81,44,181\n", columns={"height": "Body height"})

    assert found.feature_columns == (2, 1)


def test_a_column_that_was_named_is_taken_in_another_unit() -> None:
    found = layout(b"height (m),shoe_size\n1.81,44\n", columns={"height": "height (m)"})

    assert found.feature_columns == (0, 1)


def test_a_column_that_was_named_and_is_not_there_is_missing() -> None:
    (note,) = refusal(b"height,shoe_size\n181,44\n", columns={"height": "Body height"})

    assert (note.pointer, note.code) == ("/columns/height", "missing_column")


def test_a_column_named_for_a_feature_that_the_model_does_not_have_is_refused() -> None:
    notes = refusal(b"height,shoe_size,Body height\n1.81,44,181\n", columns={"hieght": "Body height"})

    assert len(notes) == 1
    assert "hieght" in notes[0].detail


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"height,Height (cm),shoe_size", id="two spellings"),
        pytest.param(b"height,height,shoe_size", id="the same twice"),
    ],
)
def test_two_columns_that_could_be_one_feature_are_ambiguous(header: bytes) -> None:
    (note,) = refusal(header + b"\n181,181,44\n")

    assert (note.pointer, note.code) == ("/columns/height", "ambiguous_column")
    assert "column=height:" in note.detail


def test_an_ambiguity_is_settled_by_naming_one() -> None:
    found = layout(b"height,Height (cm),shoe_size\n1,181,44\n", columns={"height": "Height (cm)"})

    assert found.feature_columns == (1, 2)


def test_an_ambiguity_under_a_wrong_delimiter_is_none() -> None:
    found = layout(b"x|height,height;y|height,shoe_size;height;shoe_size\n1;2;181;44\n")

    assert (found.dialect.delimiter, found.feature_columns) == (";", (2, 3))


@pytest.mark.parametrize("columns", [{"height": "shoe_size"}, {"height": "x", "shoe_size": "x"}], ids=["one", "both"])
def test_a_column_that_would_be_two_features_is_refused(columns: dict[str, str]) -> None:
    (note,) = refusal(b"x,shoe_size\n181,44\n", columns=columns)

    assert note.code == "bad_parameter"
    assert "height" in note.detail
    assert "shoe_size" in note.detail


def test_a_column_is_the_feature_of_its_whole_name_before_that_of_its_name_without_the_unit() -> None:
    features = (Feature(name="size", example=1.0), Feature(name="size (EU)", example=44.0))

    found = layout(b"size (EU),size\n44,1\n", features=features)

    assert found.feature_columns == (1, 0)


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


def test_every_missing_column_is_named_at_once() -> None:
    notes = refusal(b"name,town\nx,y\n")

    assert [(note.pointer, note.code) for note in notes] == [
        ("/columns/height", "missing_column"),
        ("/columns/shoe_size", "missing_column"),
    ]


def test_a_missing_column_comes_with_the_nearest_one_and_how_to_say_so() -> None:
    (note,) = refusal(b"heigth,shoe_size\n181,44\n")

    assert "column=height:heigth" in note.detail


def test_a_missing_column_without_a_near_one_comes_with_those_that_there_are() -> None:
    (note,) = refusal(b"xyz,shoe_size\n181,44\n")

    assert "'xyz', 'shoe_size'" in note.detail


def test_the_most_columns_are_accepted() -> None:
    names = ["height", "shoe_size", *(f"x{number}" for number in range(MAX_COLUMNS - 2))]

    assert len(of_columns(*names).header) == MAX_COLUMNS


def test_one_column_more_is_too_many() -> None:
    names = ["height", "shoe_size", *(f"x{number}" for number in range(MAX_COLUMNS - 1))]

    notes = refusal(",".join(names).encode() + b"\n1\n")

    assert [note.code for note in notes] == ["too_many_columns"]


@pytest.mark.timeout(3)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("(" * 30_000, id="brackets that are never closed"),
        pytest.param(" " * 60_000 + "x", id="spaces"),
    ],
)
def test_a_name_made_to_be_slow_is_not(name: str) -> None:
    assert of_columns("height", "shoe_size", name).feature_columns == (0, 1)


@pytest.mark.timeout(3)
def test_a_wide_header_and_many_features_are_not_slow() -> None:
    features = tuple(Feature(name=f"feature number {number}", example=1.0) for number in range(500))
    head = ",".join(f"Feature of number {number}" for number in range(MAX_COLUMNS)).encode() + b"\n1\n"

    with pytest.raises(InputInvalid) as refused:
        layout(head, features=features)

    assert len(refused.value.errors) == 500


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
