"""Stream an uploaded file: raw body, multipart or gzip, never in memory as a whole."""

import hashlib
import zlib
from contextlib import suppress
from functools import cached_property
from typing import IO, Protocol, cast

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import LimitedStream

from api.csv_header import MAX_HEADER_BYTES
from api.refusals import RequestTooSlow
from shared.errors import FieldNote, FileTooLarge, InputInvalid, UploadErrorCode, UploadNotResumable

_PIECE_BYTES = 1 << 16
_GZIP_MARK = b"\x1f\x8b"
#: A file may unpack to so many times its size; CSV of numbers packs 3 to 20 times.
MAX_RATIO = 200
#: Below this an extreme ratio is no danger.
RATIO_FROM_BYTES = 16 << 20
#: Most bytes of a refused body that are read only to be dropped.
_DRAINED_BYTES = 64 << 20
#: Headers of requests that carry a part of a file: RFC 9110, tus, and the IETF's draft of resumable uploads.
_PARTIAL_HEADERS = (
    "Content-Range",
    "Tus-Resumable",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Complete",
    "Upload-Incomplete",
)
#: Media types of a raw body.
_CSV_TYPES = ("text/csv", "text/plain", "application/csv", "application/gzip", "application/octet-stream")
#: What a client may say of how it packed the body; whether it did, the first bytes tell.
_ENCODINGS = ("", "identity", "gzip", "x-gzip")


class Readable(Protocol):
    """Something with bytes in it."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, or none at the end."""


def open_upload(request: Request) -> "UnpackedFile":
    """Return the file of a request, whichever way it was sent.

    Raises UnsupportedMediaType, RequestEntityTooLarge, UploadNotResumable or InputInvalid; reading it FileTooLarge too.
    """
    partial = next((name for name in _PARTIAL_HEADERS if name in request.headers), None)
    if partial is not None:
        # A part that is taken for the whole would be scored as one.
        raise UploadNotResumable(
            f"A file comes in one request, and cannot be resumed; send it whole, without {partial}."
        )
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        raise UnsupportedMediaType(f"Send the CSV as it is, or packed once with gzip, not as {encoding[:64]}.")
    if request.mimetype == "multipart/form-data":
        return UnpackedFile(_open_form(request))
    if request.mimetype in _CSV_TYPES:
        return UnpackedFile(_RawBody(request))
    raise UnsupportedMediaType("Send the CSV as the body with Content-Type: text/csv, or as multipart/form-data.")


def _open_form(request: Request) -> Readable:
    """Return the one file of a form; Werkzeug bounds what stands beside it, and raises RequestEntityTooLarge."""
    try:
        # Werkzeug writes a large part to a temporary file; its name, which the client chose, is never used.
        files = [file for _field, file in request.files.items(multi=True)]
    except RequestEntityTooLarge as error:
        raise RequestEntityTooLarge(
            f"The form has more than {request.max_content_length} bytes, more than {request.max_form_parts} parts, or "
            f"more than {request.max_form_memory_size} bytes besides its file; send the file as its only part."
        ) from error
    if len(files) != 1:
        detail = f"send one file, not {len(files)}"
        raise InputInvalid([FieldNote("/file", UploadErrorCode.BAD_PARAMETER, detail)])
    return files[0].stream


class _RawBody:
    """The body of a request that is the file."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._max_bytes = request.max_content_length or 0

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except RequestEntityTooLarge as error:
            raise FileTooLarge(self._max_bytes) from error

    @cached_property
    def _stream(self) -> IO[bytes]:
        if self._request.content_length is not None:
            return self._request.stream
        # Werkzeug refuses a body without a length that is as large as its limit, so one byte more is let in here.
        limited = LimitedStream(self._request.environ["wsgi.input"], self._max_bytes + 1, is_max=True)
        return cast("IO[bytes]", limited)


def drain_upload(request: Request) -> None:
    """Read and drop what is left of a refused body, up to a bound.

    A client that still sends when the connection closes may never see the answer.
    """
    left = _DRAINED_BYTES
    # Not Werkzeug's: that one gives nothing of a body that is too large.
    stream = request.environ["wsgi.input"]
    with suppress(HTTPException, RequestTooSlow, OSError):
        while left > 0 and (piece := stream.read(_PIECE_BYTES)):
            left -= len(piece)


class UnpackedFile:
    """A file as it was before it was packed, if it was: told by its first bytes, because names and headers lie."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._held = _read_fully(source, len(_GZIP_MARK))
        #: Its size is not known before it was read to its end.
        self.is_packed = self._held == _GZIP_MARK
        self._gzip = zlib.decompressobj(wbits=31)
        self._packed_bytes = 0
        self._unpacked_bytes = 0

    def read(self, size: int, /) -> bytes:
        """Return up to `size` unpacked bytes, or none at the end; raises InputInvalid for what cannot be unpacked."""
        if not self.is_packed:
            return self._take_raw(size)
        while not self._gzip.eof or self._begin_next_member():
            packed = self._gzip.unconsumed_tail or self._take_raw(min(size, _PIECE_BYTES))
            if not packed:
                raise _bad_compression("the compressed file ends too early; pack it again")
            try:
                unpacked = self._gzip.decompress(packed, size)
            except zlib.error as error:
                raise _bad_compression("the compressed file is damaged; pack it again") from error
            self._unpacked_bytes += len(unpacked)
            self._require_sane_ratio()
            if unpacked:
                return unpacked
        return b""

    def _begin_next_member(self) -> bool:
        """Begin the next of several gzip files in one, if there is one."""
        # At the end of a member the rest stands in `unused_data`, and in `unconsumed_tail` too.
        rest = self._gzip.unused_data or self._take_raw(_PIECE_BYTES)
        if not rest:
            return False
        self._held = rest + self._held
        self._packed_bytes -= len(rest)
        self._gzip = zlib.decompressobj(wbits=31)
        return True

    def _take_raw(self, size: int) -> bytes:
        if self._held:
            taken, self._held = self._held[:size], self._held[size:]
        else:
            taken = self._source.read(size)
        self._packed_bytes += len(taken)
        return taken

    def _require_sane_ratio(self) -> None:
        if self._unpacked_bytes > max(RATIO_FROM_BYTES, self._packed_bytes * MAX_RATIO):
            raise _bad_compression(f"the file unpacks to more than {MAX_RATIO} times its size")


def _bad_compression(detail: str) -> InputInvalid:
    return InputInvalid([FieldNote("", UploadErrorCode.BAD_COMPRESSION, detail)])


def _read_fully(source: Readable, size: int) -> bytes:
    """Read exactly `size` bytes, unless the end comes first; one read may return less than it was asked for."""
    pieces = []
    while size > 0 and (piece := source.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


class PeekedUpload:
    """A file whose beginning was looked at, and that can still be read from the start."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        #: The first bytes: all of a small file, or as many as a header may have.
        self.head = _read_fully(source, MAX_HEADER_BYTES)
        #: There is nothing behind the head.
        self.is_whole = len(self.head) < MAX_HEADER_BYTES
        self._unread = self.head

    def read(self, size: int = -1, /) -> bytes:
        if self._unread:
            size = len(self._unread) if size < 0 else size
            taken, self._unread = self._unread[:size], self._unread[size:]
            return taken
        return self._source.read(_PIECE_BYTES if size < 0 else size)


class HashedUpload:
    """A file of which a hash is taken while it is read."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._hash = hashlib.blake2b(digest_size=16)

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, or none at the end."""
        piece = self._source.read(size)
        self._hash.update(piece)
        return piece

    def digest(self) -> str:
        """Return the hash of what was read."""
        return self._hash.hexdigest()
