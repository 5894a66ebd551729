"""The body of a request, unpacked if it came packed as some clients can."""

import zlib

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from shared.errors import RequestMalformed

#: Both formats that HTTP calls gzip and deflate; zlib tells them apart.
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_FORMAT = 32 + zlib.MAX_WBITS


def read_body(request: Request) -> bytes:
    """Return the whole body; raises RequestMalformed, and RequestEntityTooLarge of what it is packed or unpacked."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _PACKED and encoding not in ("", "identity"):
        raise RequestMalformed("Content-Encoding is gzip or deflate, or left out.")
    body = request.get_data(cache=False)
    most = request.max_content_length
    # Werkzeug cuts a body without a length where it gets too large.
    if most is not None and len(body) >= most and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge
    return unpack(body, request.max_content_length or len(body)) if encoding in _PACKED else body


def unpack(packed: bytes, max_bytes: int) -> bytes:
    """Return what was packed as gzip or zlib; raises the same, and holds never more than `max_bytes`."""
    unpacker = zlib.decompressobj(_EITHER_FORMAT)
    try:
        body = unpacker.decompress(packed, max_bytes)
    except zlib.error as error:
        raise RequestMalformed("The body is not packed as Content-Encoding says, or damaged.") from error
    if unpacker.unconsumed_tail or (not unpacker.eof and len(body) == max_bytes):
        raise RequestEntityTooLarge
    if not unpacker.eof or unpacker.unused_data:
        raise RequestMalformed("The packed body is cut off, or something stands behind it.")
    return body
