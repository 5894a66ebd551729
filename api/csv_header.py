"""Read the first bytes of an uploaded file: encoding, delimiter, header, and which column is which feature.

Only the beginning of the file is looked at; a file that cannot be scored is refused before it is stored.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from api.csv_columns import Matches, find_column_problems, find_unknown_features, match_columns
from shared.batches import CsvDialect, CsvLayout
from shared.errors import FieldNote, InputInvalid, UploadErrorCode
from shared.manifest import Feature

#: Most bytes that a header may have, and most columns.
MAX_HEADER_BYTES = 1 << 20
MAX_COLUMNS = 10_000
DELIMITERS = (",", ";", "\t", "|")
#: Encodings in which each ASCII character is one byte, so that records can be cut without decoding them.
ENCODINGS = ("utf-8", "cp1252", "latin-1", "iso8859-15", "ascii")
UTF8_MARK = b"\xef\xbb\xbf"
#: How files begin that hold a CSV at best. A file that was packed once is unpacked before it is looked at.
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive, or a spreadsheet such as .xlsx",
    b"\x1f\x8b": "packed with gzip more than once",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xfd7zXZ\0": "packed with xz",
}

_EMPTY_LINES = re.compile(rb"[\r\n]*+")
_NEWLINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """What the client says about its file; None where it leaves it to us."""

    delimiter: str | None = None
    encoding: str | None = None
    #: Feature → header, where the names alone do not tell.
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """The first record of a file, read with one delimiter."""

    dialect: CsvDialect
    names: tuple[str, ...]


def read_layout(head: bytes, features: Sequence[Feature], options: CsvOptions, *, is_whole: bool) -> CsvLayout:
    """Return how to read the file that begins with these bytes.

    head: the first bytes, up to MAX_HEADER_BYTES. is_whole: there is nothing behind them.
    Raises InputInvalid with a note for each thing that is wrong with the file or its columns.
    """
    _refuse(find_unknown_features(features, options.columns))
    encoding = find_encoding(head, options.encoding)
    headers = read_headers(head, encoding, _find_delimiters(options.delimiter), is_whole=is_whole)
    header, matches = _choose_header(headers, features, options.columns)
    notes = find_column_problems(matches, features)
    widest = max(len(one.names) for one in headers)
    if notes and widest > MAX_COLUMNS:
        notes = [_note(UploadErrorCode.TOO_MANY_COLUMNS, f"{widest} columns, at most {MAX_COLUMNS}")]
    _refuse(notes)
    require_rows(head, header, is_whole=is_whole)
    columns = tuple(matches.columns[feature.name][0] for feature in features)
    return CsvLayout(header.dialect, header.names, columns)


def _refuse(notes: Sequence[FieldNote]) -> None:
    if notes:
        raise InputInvalid(notes)


def _note(code: UploadErrorCode, detail: str) -> FieldNote:
    return FieldNote("", code, detail)


def find_encoding(head: bytes, wanted: str | None) -> str:
    """Return the encoding of a file; raises InputInvalid for one whose records cannot be cut."""
    if not head.removeprefix(UTF8_MARK).strip():
        raise InputInvalid([_note(UploadErrorCode.EMPTY_FILE, "the file is empty; send a CSV with a header and rows")])
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        detail = "the file is UTF-16; save it as CSV UTF-8 and send it again"
        raise InputInvalid([_note(UploadErrorCode.UNSUPPORTED_ENCODING, detail)])
    archive = next((name for mark, name in _ARCHIVES.items() if head.startswith(mark)), None)
    if archive is not None:
        detail = f"the file is {archive}; send a CSV, as it is or packed once with gzip"
        raise InputInvalid([_note(UploadErrorCode.NOT_CSV, detail)])
    if b"\0" in head:
        detail = "the file holds NUL bytes, so it is no CSV (a spreadsheet must be saved as CSV first)"
        raise InputInvalid([_note(UploadErrorCode.NOT_CSV, detail)])
    if wanted is not None:
        if wanted.lower() not in ENCODINGS:
            detail = f"{wanted[:32]!r} is not supported; send one of {', '.join(ENCODINGS)}"
            raise InputInvalid([_note(UploadErrorCode.UNSUPPORTED_ENCODING, detail)])
        return wanted.lower()
    return "utf-8" if _is_utf8(head) else "cp1252"


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last character may have been cut in two.
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _find_delimiters(wanted: str | None) -> Sequence[str]:
    """Return the delimiters that the file may have; raises InputInvalid for one that no file has."""
    if wanted is None:
        return DELIMITERS
    if len(wanted) != 1 or not wanted.isascii() or wanted in '"\r\n\0':
        detail = "a delimiter is one ASCII character, and no quote"
        raise InputInvalid([_note(UploadErrorCode.BAD_DELIMITER, detail)])
    return (wanted,)


def read_headers(head: bytes, encoding: str, delimiters: Sequence[str], *, is_whole: bool) -> list[Header]:
    """Return the header as it is under each delimiter; raises InputInvalid when it ends under none of them.

    Lines of nothing before it are passed over.
    """
    start = len(UTF8_MARK) if head.startswith(UTF8_MARK) else 0
    empty_lines = _EMPTY_LINES.match(head, start)
    assert empty_lines is not None
    start = empty_lines.end()
    headers = []
    for delimiter in delimiters:
        stop = _find_header_stop(head, start, delimiter)
        if stop == len(head) and not is_whole:
            continue
        terminator = _NEWLINE.match(head, stop)
        newline = terminator[0].decode() if terminator else "\n"
        data_start = terminator.end() if terminator else stop
        names = _split_names(head[start:stop].decode(encoding, errors="replace"), delimiter)
        headers.append(Header(CsvDialect(delimiter, encoding, newline, start, data_start), names))
    if not headers:
        detail = f"no line ends within the first {MAX_HEADER_BYTES} bytes; is the first line a header?"
        raise InputInvalid([_note(UploadErrorCode.HEADER_TOO_LONG, detail)])
    return headers


def _find_header_stop(head: bytes, start: int, delimiter: str) -> int:
    """Return where the header ends: at its terminator, or at the end of the head."""
    found = _header_pattern(delimiter).match(head, start)
    stop = found.end() if found else start
    if head[stop : stop + 1] in (b"", b"\r", b"\n"):
        return stop
    # A quote that is never closed: the header is the first line.
    end = _NEWLINE.search(head, stop)
    return end.start() if end else len(head)


@cache
def _header_pattern(delimiter: str) -> re.Pattern[bytes]:
    """Return what matches a record: as in worker/csv_records.py a quote opens a cell only at the cell's very start."""
    cell = r'(?:"(?:[^"]++|"")*+"[^%s\r\n]*+|(?!")[^%s\r\n]*+)'.replace("%s", re.escape(delimiter))
    return re.compile(f"{cell}(?:{re.escape(delimiter)}{cell})*+".encode())


def _split_names(text: str, delimiter: str) -> tuple[str, ...]:
    csv.field_size_limit(MAX_HEADER_BYTES)
    return tuple(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), ()))


def _choose_header(
    headers: Sequence[Header], features: Sequence[Feature], wanted: Mapping[str, str]
) -> tuple[Header, Matches]:
    """Return the header under which most features are found, and of those the one with most columns.

    One with too many columns is not searched, and chosen only when there is no other.
    """
    candidates = [
        (one, match_columns(one.names, features, wanted) if len(one.names) <= MAX_COLUMNS else Matches(one.names, {}))
        for one in headers
    ]
    return max(
        candidates,
        key=lambda candidate: (
            candidate[1].clear,
            len(candidate[1].columns),
            min(len(candidate[0].names), MAX_COLUMNS),
        ),
    )


def require_rows(head: bytes, header: Header, *, is_whole: bool) -> None:
    """Raise InputInvalid for a file in which nothing stands below the header."""
    if is_whole and not head[header.dialect.data_start :].strip(b"\r\n"):
        raise InputInvalid([_note(UploadErrorCode.NO_ROWS, "the file has a header and no rows")])
