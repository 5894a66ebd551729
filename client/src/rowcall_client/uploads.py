"""A CSV file on its way to the server: how it shall be read, and its bytes, one piece after the other."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TypedDict, cast

#: Where the bytes of a CSV file come from. They may be compressed with gzip.
Source = Path | BinaryIO | Iterable[bytes]
#: Is told how many bytes have left so far.
ReportBytes = Callable[[int], None]

#: So much of a file is in memory at a time.
PIECE_BYTES = 256 * 1024
#: How every file begins that gzip has compressed.
GZIP_START = b"\x1f\x8b"


class BatchOptions(TypedDict, total=False):
    """How the server shall read and predict a CSV file; what is left out or None, the server decides."""

    #: Needed when several models are served.
    model: str | None
    #: Version of the model; the current one otherwise.
    version: str | None
    #: What a row without a prediction does to the batch: nothing, or end it.
    on_error: Literal["continue", "abort"] | None
    #: The batch fails once more than this share of its rows have errors; 0 to 1.
    max_error_ratio: float | None
    #: What becomes of text that a spreadsheet would run as a formula: it comes back as it is, or with a `'` in front.
    formulas: Literal["keep", "escape"] | None
    #: Stands between the cells; found out by the server otherwise.
    delimiter: str | None
    #: Such as utf-8 or cp1252; found out by the server otherwise.
    encoding: str | None
    #: Feature to header, for columns that are not named like their feature.
    columns: Mapping[str, str] | None
    #: How long a finished batch and its files are kept: seconds, or a text such as "5m"; longer than a download takes.
    retain_for: int | str | None
    #: Texts that come back with the batch; no name holds a colon.
    metadata: Mapping[str, str] | None
    #: Uploads with the same key are one batch; a fresh one otherwise, so that a repeated upload is never two.
    idempotency_key: str | None


#: Options that are no parameters of the query, or not as they are.
NOT_IN_QUERY = {"columns", "metadata", "idempotency_key"}


def encode_options(options: BatchOptions) -> list[tuple[str, str]]:
    """Return the options as query parameters, without those that are left out."""
    parameters = [
        (name, str(value)) for name, value in options.items() if value is not None and name not in NOT_IN_QUERY
    ]
    columns, metadata = options.get("columns") or {}, options.get("metadata") or {}
    parameters += [("column", f"{feature}:{header}") for feature, header in columns.items()]
    return parameters + [("metadata", f"{name}:{text}") for name, text in metadata.items()]


class Upload:
    """The bytes of one source; iterating reads them, and uses them up unless the source can be read again."""

    def __init__(
        self,
        pieces: Iterable[bytes],
        size_bytes: int | None,
        on_progress: ReportBytes | None,
        read_again: Callable[[], Iterable[bytes]] | None = None,
    ) -> None:
        """size_bytes: how many bytes there are; None when that is not known beforehand.

        read_again: makes the same pieces once more; None when they exist only once.
        """
        self._pieces = iter(pieces)
        self._on_progress = on_progress
        self._start = take_start(self._pieces)
        self._read_again = read_again
        self._has_begun = False
        #: What has to be said about the bytes in the request.
        self.headers = {"Content-Type": "text/csv"}
        if self._start.startswith(GZIP_START):
            self.headers["Content-Encoding"] = "gzip"
        if size_bytes is not None:
            self.headers["Content-Length"] = str(size_bytes)

    @property
    def is_complete(self) -> bool:
        """Whether all of its bytes can be sent, now or once more."""
        return not self._has_begun or self._read_again is not None

    def __iter__(self) -> Iterator[bytes]:
        if self._has_begun and self._read_again is not None:
            self._start, self._pieces = b"", iter(self._read_again())
        self._has_begun = True
        sent_bytes = 0
        for piece in self._all_pieces():
            yield piece
            sent_bytes += len(piece)
            if self._on_progress:
                self._on_progress(sent_bytes)

    def _all_pieces(self) -> Iterator[bytes]:
        if self._start:
            yield self._start
        yield from self._pieces


@contextmanager
def open_upload(source: Source, on_progress: ReportBytes | None = None) -> Iterator[Upload]:
    """Prepare to send a source. Raises OSError when it cannot be read, and TypeError when it is none."""
    if isinstance(source, str | bytes):
        raise TypeError("a source is a Path, a file opened in binary mode, or an iterable of bytes")
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield make_file_upload(file, on_progress)
    elif hasattr(source, "read"):
        yield make_file_upload(cast("BinaryIO", source), on_progress)
    else:
        yield Upload(source, None, on_progress)


def make_file_upload(file: BinaryIO, on_progress: ReportBytes | None) -> Upload:
    """Prepare to send a file from where it stands to its present end."""
    size_bytes = find_size_bytes(file)
    if size_bytes is None:
        return Upload(read_pieces(file, None), None, on_progress)
    begin = file.tell()

    def read_again() -> Iterator[bytes]:
        file.seek(begin)
        return read_pieces(file, size_bytes)

    return Upload(read_pieces(file, size_bytes), size_bytes, on_progress, read_again)


def read_pieces(file: BinaryIO, size_bytes: int | None) -> Iterator[bytes]:
    """Read a file piece by piece, and no further than the size that was announced, though it may grow."""
    left = size_bytes
    while piece := file.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left)):
        yield piece
        left = None if left is None else left - len(piece)


def find_size_bytes(file: BinaryIO) -> int | None:
    """Return how many bytes are left to read; None for a pipe and the like."""
    try:
        here = file.tell()
        end = file.seek(0, os.SEEK_END)
        file.seek(here)
    except (OSError, ValueError, AttributeError):
        return None
    return end - here


def take_start(pieces: Iterator[bytes]) -> bytes:
    """Take as many pieces as it needs to tell what kind of file it is."""
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(GZIP_START):
            break
    return start
