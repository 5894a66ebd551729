"""How the encoding of a file is told from its bytes, and a clear word where it cannot be read."""

import pytest

from tests.unit.api.csv_header.conftest import UTF8_MARK, layout, refusal

ROW = b"181,44"


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
