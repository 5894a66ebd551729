"""`{"input_url": "s3://…"}`: a file that is taken from a bucket instead of being sent."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from shared.errors import FieldNote, FileMissing, InputInvalid, UploadErrorCode

_POINTER = "/input_url"
_GZIP_MARK = b"\x1f\x8b"


def read_input_url(body: object, allowed_buckets: Collection[str]) -> str:
    """Return the address of the file; raises InputInvalid unless it lies in a bucket that may be named."""
    url = body.get("input_url") if isinstance(body, dict) and len(body) == 1 else None
    if not isinstance(url, str):
        raise refused('send the CSV itself, or {"input_url": "s3://bucket/key"} and nothing else')
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise refused("an address is s3://bucket/key") from error
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise refused("an address is s3://bucket/key")
    if parts.netloc not in allowed_buckets:
        raise refused(
            f"files are not taken from the bucket {parts.netloc[:64]!r}; ROWCALL_INPUT_BUCKETS names those that are"
        )
    return url


def refused(detail: str) -> InputInvalid:
    """Return the refusal of an address."""
    return InputInvalid([FieldNote(_POINTER, UploadErrorCode.BAD_PARAMETER, detail)])


@contextmanager
def bucket_errors() -> Iterator[None]:
    """A file that cannot be found is a matter of the address, so of the request."""
    try:
        yield
    except FileMissing as error:
        raise refused(error.detail) from error


def require_unpacked(head: bytes) -> None:
    """Raise InputInvalid for a packed file: its bytes do not pass through us, so nobody unpacks it."""
    if head.startswith(_GZIP_MARK):
        raise refused("the file is packed; unpack it in the bucket, or send it in the body")
