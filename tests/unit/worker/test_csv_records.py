from collections.abc import Iterator

import pytest

from shared.batches import Chunk, CsvDialect, CsvLayout
from worker.csv_records import RecordTooLong, find_records, read_blocks, split_into_chunks, without_empty_lines

COMMA = CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=10)
LAYOUT = CsvLayout(COMMA, header=("a", "b"), feature_columns=(0,))


def contents(block: bytes, *, is_last: bool = True) -> list[bytes]:
    found = find_records(block, ",", is_last=is_last)
    return [block[start:stop] for start, stop in zip(found.starts, found.stops, strict=True)]


def pieces(document: bytes, size: int) -> Iterator[bytes]:
    return (document[start : start + size] for start in range(0, len(document), size))


def blocks(document: bytes, *, block_bytes: int = 4, piece_bytes: int = 3, max_record_bytes: int = 1000) -> list[bytes]:
    source = pieces(document, piece_bytes)
    return list(read_blocks(source, COMMA, block_bytes=block_bytes, max_record_bytes=max_record_bytes))


def chunks(document: bytes, *, chunk_bytes: int, piece_bytes: int = 3, max_record_bytes: int = 1000) -> list[Chunk]:
    source = pieces(document, piece_bytes)
    return list(split_into_chunks(source, LAYOUT, chunk_bytes=chunk_bytes, max_record_bytes=max_record_bytes))


@pytest.mark.parametrize(
    ("block", "records"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"1,2\n3,4\n", [b"1,2", b"3,4"], id="line feeds"),
        pytest.param(b"1\r2\r\n3\n4", [b"1", b"2", b"3", b"4"], id="any mix of terminators, none at the end"),
        pytest.param(b"\n\r\n1\n\r\n\r\r2\n\n", [b"1", b"2"], id="empty lines"),
        pytest.param(b" \n,\n", [b" ", b","], id="lines that only look empty"),
        pytest.param(b'"a\nb",2\n3\n', [b'"a\nb",2', b"3"], id="newline in quotes"),
        pytest.param(b'"a\r\nb"\r\n3\r', [b'"a\r\nb"', b"3"], id="both halves of a newline in quotes"),
        pytest.param(b'"a""\nb"\n3', [b'"a""\nb"', b"3"], id="escaped quote before a newline"),
        pytest.param(b'""\n"""\n"\n', [b'""', b'"""\n"'], id="cells of quotes alone"),
        pytest.param(b"5'11\",2\n6'\",3\n", [b"5'11\",2", b"6'\",3"], id="quote inside an unquoted cell"),
        pytest.param(b'x"y\n"a\nb"\n', [b'x"y', b'"a\nb"'], id="stray quote before a quoted cell"),
        pytest.param(b'"a"x"\n"b\n"\n', [b'"a"x"', b'"b\n"'], id="text after a closing quote"),
        pytest.param(b'1\n"a\n2\n', [b"1", b'"a\n2\n'], id="quote that nobody closes"),
    ],
)
def test_records_end_at_newlines_outside_quotes(block: bytes, records: list[bytes]) -> None:
    assert contents(block) == records


def test_a_record_without_its_end_waits_for_the_next_block() -> None:
    found = find_records(b"1,2\n3,", ",", is_last=False)

    assert (len(found), found.consumed) == (1, 4)


def test_a_carriage_return_at_the_end_of_a_block_is_not_decided_before_the_next_byte() -> None:
    found = find_records(b"1\r\n2\r", ",", is_last=False)

    assert (len(found), found.consumed) == (1, 3)


def test_a_terminator_belongs_to_its_record() -> None:
    found = find_records(b"1\r\n2\n3\r4", ",", is_last=True)

    assert (found.next_starts - found.stops).tolist() == [2, 1, 1, 0]


def test_a_quote_that_nobody_closes_is_told() -> None:
    assert find_records(b'1\n"2\n', ",", is_last=True).is_unclosed


@pytest.mark.parametrize("block", [b"1\n2\r\n", b"\n1\n\n\r2\r\n\r\n\n", b'\r"a\n\n"\r\r\nb'])
def test_empty_lines_can_be_taken_out(block: bytes) -> None:
    kept, records = without_empty_lines(block, find_records(block, ",", is_last=True))

    assert contents(kept) == contents(block)
    assert records.starts.tolist() == [0, *records.next_starts[:-1].tolist()]
    assert records.stops.tolist() == find_records(kept, ",", is_last=True).stops.tolist()


def test_blocks_hold_whole_records() -> None:
    assert blocks(b'1\n2\n"a\nb",3\n4') == [b"1\n2\n", b'"a\nb",3\n', b"4"]


def test_a_newline_of_two_bytes_is_never_cut() -> None:
    assert blocks(b"12\r\n34\r\n", block_bytes=3, piece_bytes=1) == [b"12\r\n", b"34\r\n"]


def test_blocks_of_empty_lines_alone_are_left_out() -> None:
    assert blocks(b"\n\n\n\n\n\n1\n\n\n\n\n\n") == [b"\n\n1\n"]


@pytest.mark.parametrize("block_bytes", [1, 7, 64])
def test_a_record_that_is_too_long_is_refused_with_its_place(block_bytes: int) -> None:
    with pytest.raises(RecordTooLong) as refused:
        blocks(b'1\n2\n"' + b"x\n" * 50, block_bytes=block_bytes, max_record_bytes=20)

    assert refused.value.offset == 4


def test_a_record_of_the_longest_length_is_accepted() -> None:
    document = b"x" * 20 + b"\r\n" + b"y" * 20 + b"\r"

    assert blocks(document, max_record_bytes=20) == [b"x" * 20 + b"\r\n", b"y" * 20 + b"\r"]


def test_a_long_record_is_not_searched_again_with_every_piece() -> None:
    document = b'"' + b"x\n" * 2_000_000 + b'"\n'

    assert blocks(document, block_bytes=1, piece_bytes=1000, max_record_bytes=1 << 23) == [document]


def test_chunks_touch_each_other_and_count_rows() -> None:
    assert chunks(b'11\n22\n"3\n3"\n\n44\n', chunk_bytes=6) == [
        Chunk(index=0, start=10, stop=16, first_row=1, rows=2),
        Chunk(index=1, start=16, stop=22, first_row=3, rows=1),
        Chunk(index=2, start=22, stop=26, first_row=4, rows=1),
    ]


def test_empty_lines_at_the_end_belong_to_the_last_chunk() -> None:
    assert chunks(b"1\n\n2\n\n\n", chunk_bytes=1) == [Chunk(0, 10, 12, 1, 1), Chunk(1, 12, 17, 2, 1)]


@pytest.mark.parametrize("document", [b"", b"\n\r\n\r"])
def test_a_file_without_rows_has_no_chunks(document: bytes) -> None:
    assert chunks(document, chunk_bytes=1) == []


def test_a_file_with_a_record_that_is_too_long_cannot_be_split() -> None:
    with pytest.raises(RecordTooLong, match="the record at byte 12 is longer than 5 bytes"):
        chunks(b"1\n1234567\n", chunk_bytes=1, max_record_bytes=5)
