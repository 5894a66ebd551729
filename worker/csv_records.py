"""Where the records of a CSV file begin and end: pure, vectorised, and never more than a block in memory.

RFC 4180 with newlines inside quotes. A quote opens a quoted field only at the very start of a field; anywhere else in
an unquoted field it is a character like any other, so that 5'11" does not swallow the rest of the file. Inside quotes,
"" is one quote, and any other quote closes; what follows up to the delimiter is literal. Records end with LF, CR LF
or CR. Empty lines are no records. All of this is what pyarrow.csv does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shared.batches import Chunk, CsvDialect, CsvLayout

QUOTE, LINE_FEED, CARRIAGE_RETURN = b'"'[0], b"\n"[0], b"\r"[0]
#: A block that stays in a processor's cache is searched twice as fast as a large one.
SCAN_BYTES = 1 << 20

Positions = NDArray[np.int64]


class RecordTooLong(Exception):
    """Raised when one record is longer than a record may be: most often a quote that nobody closed."""

    def __init__(self, offset: int, max_record_bytes: int) -> None:
        #: Where the record begins, counted as the blocks are.
        self.offset = offset
        super().__init__(f"the record at byte {offset} is longer than {max_record_bytes} bytes")


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of a block: each is `block[starts[i]:stops[i]]`, its terminator `block[stops[i]:next_starts[i]]`."""

    starts: Positions
    stops: Positions
    next_starts: Positions
    #: Bytes that form whole records and empty lines; the rest belongs to the next block.
    consumed: int
    #: The file ends inside quotes that the last record opened.
    is_unclosed: bool = False

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A run of whole records and where it stands: counted from the first byte of the pieces, or as asked for."""

    offset: int
    content: bytes
    records: Records


def find_records(block: bytes, delimiter: str, *, is_last: bool) -> Records:
    """Return every record of the block that is not empty.

    block: begins where a record begins. is_last: nothing follows, so the last record needs no terminator.
    """
    codes = np.frombuffer(block, np.uint8)
    stops, next_starts = _find_newlines(block, codes, is_last=is_last)
    toggles = _find_toggles(codes, ord(delimiter)) if b'"' in block else np.empty(0, np.int64)
    if len(toggles):
        is_outside = (np.searchsorted(toggles, stops) & 1) == 0
        stops, next_starts = stops[is_outside], next_starts[is_outside]
    consumed = int(next_starts[-1]) if len(next_starts) else 0
    if is_last and consumed < len(block):
        consumed = len(block)
        stops, next_starts = np.append(stops, consumed), np.append(next_starts, consumed)
    starts = np.zeros(len(stops), np.int64)
    starts[1:] = next_starts[:-1]
    is_empty = starts == stops
    if is_empty.any():
        starts, stops, next_starts = starts[~is_empty], stops[~is_empty], next_starts[~is_empty]
    return Records(starts, stops, next_starts, consumed, is_unclosed=is_last and len(toggles) % 2 == 1)


def without_empty_lines(block: bytes, records: Records) -> tuple[bytes, Records]:
    """Return the block and its records with nothing before, between and after them."""
    ends = np.append(np.int64(0), records.next_starts)
    if len(records) and np.array_equal(ends[:-1], records.starts) and ends[-1] == len(block):
        return block, records
    steps = np.zeros(len(block) + 1, np.int8)
    steps[records.starts] += 1
    steps[records.next_starts] -= 1
    is_kept = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
    content = np.frombuffer(block, np.uint8)[is_kept].tobytes()
    next_starts = np.cumsum(records.next_starts - records.starts)
    shift = records.next_starts - next_starts
    kept = Records(records.starts - shift, records.stops - shift, next_starts, len(content), records.is_unclosed)
    return content, kept


def read_blocks(
    pieces: Iterator[bytes], dialect: CsvDialect, *, block_bytes: int, max_record_bytes: int
) -> Iterator[bytes]:
    """Cut a stream again, into blocks of whole records of at most `block_bytes` or of one longer record.

    pieces: of any size, from a record's first byte on. Raises RecordTooLong.
    """
    for block in scan_blocks(pieces, dialect, block_bytes=block_bytes, max_record_bytes=max_record_bytes):
        if len(block.records):
            yield block.content


def scan_blocks(
    pieces: Iterator[bytes], dialect: CsvDialect, *, block_bytes: int, max_record_bytes: int, offset: int = 0
) -> Iterator[Block]:
    """Do what `read_blocks` does, tell where the records are, and leave nothing out: the blocks touch each other.

    offset: of the first piece; the blocks and RecordTooLong count on from it. Holds two blocks and one piece in memory.
    The block of a longer record doubles until the record fits.
    """
    held = bytearray()
    wanted, is_ended = block_bytes, False
    while not is_ended or held:
        while len(held) < wanted and not is_ended:
            piece = next(pieces, None)
            is_ended = piece is None
            held += piece or b""
        is_last = is_ended and len(held) <= wanted
        with memoryview(held) as view:
            content = bytes(view[:wanted])
        records = find_records(content, dialect.delimiter, is_last=is_last)
        _require_short(content, records, offset, max_record_bytes)
        if not records.consumed:
            wanted = max(wanted, min(2 * len(content), max_record_bytes + 2))
            continue
        yield Block(offset, content[: records.consumed], records)
        del held[: records.consumed]
        offset, wanted = offset + records.consumed, block_bytes


def split_into_chunks(
    pieces: Iterator[bytes],
    layout: CsvLayout,
    *,
    chunk_bytes: int,
    max_record_bytes: int,
    after: Chunk | None = None,
) -> Iterator[Chunk]:
    """Yield chunks of at least `chunk_bytes` bytes and one row; the last one may be shorter. They touch each other.

    pieces: the file from `data_start` on, or from the end of the chunk `after` to go on behind it; the chunks count
    bytes from the file's first, and so does the offset of RecordTooLong. No two sizes of pieces, and no two places to
    go on from, give different chunks.
    """
    begin = layout.dialect.data_start if after is None else after.stop
    chunk = Chunk(index=0, start=begin, stop=begin, first_row=1, rows=0) if after is None else _next_chunk(after)
    end = begin
    blocks = scan_blocks(
        pieces, layout.dialect, block_bytes=SCAN_BYTES, max_record_bytes=max_record_bytes, offset=begin
    )
    for block in blocks:
        ends = block.records.next_starts + block.offset
        done = 0
        while done < len(ends):
            if chunk.stop - chunk.start >= chunk_bytes:
                yield chunk
                chunk = _next_chunk(chunk)
            cut = min(int(np.searchsorted(ends, chunk.start + chunk_bytes)), len(ends) - 1)
            chunk = replace(chunk, stop=int(ends[cut]), rows=chunk.rows + cut + 1 - done)
            done = cut + 1
        end = block.offset + len(block.content)
    if chunk.rows:
        # Empty lines at the end of the file belong to the last chunk.
        yield replace(chunk, stop=end)


def _next_chunk(before: Chunk) -> Chunk:
    return Chunk(before.index + 1, before.stop, before.stop, before.first_row + before.rows, 0)


def _find_newlines(block: bytes, codes: NDArray[np.uint8], *, is_last: bool) -> tuple[Positions, Positions]:
    """Return where each terminator begins and ends, inside quotes or not."""
    if b"\r" not in block:
        stops = np.flatnonzero(codes == LINE_FEED)
        return stops, stops + 1
    positions = np.flatnonzero((codes == LINE_FEED) | (codes == CARRIAGE_RETURN))
    is_return = codes[positions] == CARRIAGE_RETURN
    is_second = np.zeros(len(positions), np.bool_)
    is_second[1:] = is_return[:-1] & ~is_return[1:] & (np.diff(positions) == 1)
    is_pair = np.append(is_second[1:], False)
    stops, next_starts = positions[~is_second], (positions + 1 + is_pair)[~is_second]
    if not is_last and codes[-1] == CARRIAGE_RETURN:
        # The next block may begin with the other half of this terminator.
        return stops[:-1], next_starts[:-1]
    return stops, next_starts


def _find_toggles(codes: NDArray[np.uint8], delimiter: int) -> Positions:
    """Return the quotes between which text is quoted: before the first it is not, after it it is, and so on.

    An escaped quote counts twice or not at all, which is the same.
    """
    quotes = np.flatnonzero(codes == QUOTE)
    is_border = np.zeros(256, np.bool_)
    is_border[[QUOTE, delimiter, LINE_FEED, CARRIAGE_RETURN]] = True
    # At the start of the block the quote finds itself as its neighbour, and a quote is a border.
    before = codes.take(quotes - 1, mode="clip")
    if is_border[before[0::2]].all():
        # Every second quote opens a cell, or follows the first quote of an escaped pair: none is literal.
        return quotes
    is_border[QUOTE] = False
    return _walk_quotes(quotes, is_border[before] | (quotes == 0))


def _walk_quotes(quotes: Positions, is_field_start: NDArray[np.bool_]) -> Positions:
    """Tell opening and closing quotes from literal ones, one by one: some stand where RFC 4180 has none."""
    positions, field_starts = quotes.tolist(), is_field_start.tolist()
    toggles: list[int] = []
    index, is_inside = 0, False
    while index < len(positions):
        position = positions[index]
        if not is_inside and field_starts[index]:
            toggles.append(position)
            is_inside = True
        elif is_inside and index + 1 < len(positions) and positions[index + 1] == position + 1:
            index += 1
        elif is_inside:
            toggles.append(position)
            is_inside = False
        index += 1
    return np.array(toggles, np.int64)


def _require_short(content: bytes, records: Records, offset: int, max_record_bytes: int) -> None:
    lengths = records.stops - records.starts
    if len(lengths) and int(lengths.max()) > max_record_bytes:
        first = int(np.argmax(lengths > max_record_bytes))
        raise RecordTooLong(offset + int(records.starts[first]), max_record_bytes)
    # A carriage return at the end may be the record's terminator.
    open_bytes = len(content) - records.consumed - content.endswith(b"\r")
    if open_bytes > max_record_bytes:
        raise RecordTooLong(offset + records.consumed, max_record_bytes)
