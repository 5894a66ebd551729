"""FileStore in a bucket of S3, or of a server that speaks its protocol.

Only make_file_store imports this module, because boto3 takes a second to import; boto3 finds the credentials. What a
killed writer leaves is invisible, and a rule of the bucket has to delete it: AbortIncompleteMultipartUpload.
"""

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from urllib3.exceptions import HTTPError

from shared.errors import FileMissing, FileStoreFull, FileStoreUnavailable, FileTooLarge, ServiceError
from shared.file_store import (
    BUCKET,
    PIECE_BYTES,
    FileWriter,
    Pieces,
    Readable,
    check_key,
    check_range,
    disk_errors,
    limited_pieces,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, GetObjectRequestTypeDef, ObjectIdentifierTypeDef

#: Bytes of a part of an upload, of which about three are in memory; S3 takes at most MOST_PARTS of them.
PART_BYTES = 8 << 20
MOST_PARTS = 10_000
#: Bytes of a part of a copy, none of which is in memory.
COPY_PART_BYTES = 32 << 20
#: Times that a reader asks again for the rest of a file without getting a byte of it.
RESUMPTIONS = 3

#: Bounds of an attempt; with the pauses between them, a server that is away costs at most about a minute.
CONNECT_SECONDS = 3
ANSWER_SECONDS = 20
ATTEMPTS = 3

SOURCE_URL = re.compile(rf"s3://(?P<bucket>{BUCKET.pattern})/(?P<key>[^\x00-\x1f\x7f]+)")


class S3FileStore:
    """FileStore under a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, *, endpoint_url: str | None = None, region: str | None = None) -> None:
        if prefix:
            check_key(prefix)
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._endpoint_url = endpoint_url
        self._region = region
        #: The process that made the client, and the client: connections must not be shared with a fork.
        self._made: tuple[int, S3Client] | None = None

    def write_from(self, key: str, source: Readable, *, max_bytes: int) -> int:
        name = self._name(key)
        reader = _PartReader(source, max_bytes=max_bytes)
        part_bytes = max(PART_BYTES, max_bytes // MOST_PARTS + 1)
        # Without threads the source is read by our caller's thread, a failing one is told apart, and little is held.
        config = TransferConfig(multipart_threshold=part_bytes, multipart_chunksize=part_bytes, use_threads=False)
        try:
            with s3_errors(key):
                self._client().upload_fileobj(cast("IO[bytes]", reader), self._bucket, name, Config=config)
        except BaseException:
            if reader.failure is not None:
                raise reader.failure from None
            raise
        return reader.bytes_read

    @contextmanager
    def open_writer(self, key: str) -> Iterator[FileWriter]:
        self._name(key)
        with disk_errors(key):
            spool = tempfile.TemporaryFile(buffering=PIECE_BYTES)  # noqa: SIM115  # Its errors alone are translated.
        try:
            writer = FileWriter(spool, key)
            yield writer
            with disk_errors(key):
                spool.seek(0)
                self.write_from(key, spool, max_bytes=writer.bytes_written)
        finally:
            with suppress(OSError):  # Closing tries again to write what did not fit.
                spool.close()

    def size(self, key: str) -> int:
        name = self._name(key)
        with s3_errors(key):
            return self._client().head_object(Bucket=self._bucket, Key=name)["ContentLength"]

    def read(self, key: str, *, start: int = 0, stop: int | None = None, piece_bytes: int = PIECE_BYTES) -> Pieces:
        check_range(start, stop)
        etag, broken = "", 0
        while stop is None or start < stop:
            body, etag = self._open(key, start, stop, etag)
            with closing(body):
                try:
                    for piece in body.iter_chunks(piece_bytes):
                        start, broken = start + len(piece), 0
                        yield piece
                except (BotoCoreError, HTTPError) as error:
                    broken += 1
                    if broken > RESUMPTIONS:
                        raise _unavailable(key, type(error).__name__) from error
                else:
                    return

    def read_range(self, key: str, start: int, stop: int) -> bytes:
        return b"".join(self.read(key, start=start, stop=stop))

    def delete_folder(self, prefix: str) -> None:
        folder = f"{self._name(prefix)}/"
        with s3_errors(prefix):
            client = self._client()
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=folder):
                names: list[ObjectIdentifierTypeDef] = [{"Key": found["Key"]} for found in page.get("Contents", [])]
                if not names:
                    return
                answer = client.delete_objects(Bucket=self._bucket, Delete={"Objects": names, "Quiet": True})
                if refused := answer.get("Errors"):
                    raise _unavailable(prefix, refused[0].get("Code", "unknown"))

    def folders(self, prefix: str) -> Iterator[str]:
        start = f"{self._name(prefix)}/"
        with s3_errors(prefix):
            pages = (
                self._client()
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self._bucket, Prefix=start, Delimiter="/")
            )
            for page in pages:
                yield from (found["Prefix"][len(self._root) : -1] for found in page.get("CommonPrefixes", []))

    def changed_at(self, prefix: str) -> float:
        start = f"{self._name(prefix)}/"
        with s3_errors(prefix):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            times = (item["LastModified"].timestamp() for page in pages for item in page.get("Contents", []))
            return max(times, default=0.0)

    def copy_in(self, source_url: str, key: str, *, max_bytes: int) -> int:
        """Copy an object that our credentials can read, within S3; its tags and metadata stay behind.

        source_url: `s3://bucket/key`, the key as it is, without escapes. Returns the bytes. Raises FileTooLarge
        before a byte is copied, and FileMissing for what does not exist, cannot be read, or lies in this store.
        """
        name = self._name(key)
        source = self._source(source_url)
        with s3_errors(source_url, forbidden_is_missing=True):
            found = self._client().head_object(Bucket=source["Bucket"], Key=source["Key"])
        if found["ContentLength"] > max_bytes:
            raise FileTooLarge(max_bytes)
        options = {"CopySourceIfMatch": found["ETag"], "MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"}
        config = TransferConfig(
            multipart_threshold=COPY_PART_BYTES, multipart_chunksize=COPY_PART_BYTES, max_concurrency=4
        )
        with s3_errors(source_url):
            self._client().copy(source, self._bucket, name, ExtraArgs=options, Config=config)
        return found["ContentLength"]

    def _source(self, source_url: str) -> "CopySourceTypeDef":
        match = SOURCE_URL.fullmatch(source_url)
        if not match or len(match["key"].encode()) > 1024:
            raise FileMissing("The address of the file is not of the form s3://bucket/key.")
        if match["bucket"] == self._bucket and match["key"].startswith(self._root):
            raise FileMissing(f"The file {source_url} lies among the files of this service, which cannot be copied.")
        return {"Bucket": match["bucket"], "Key": match["key"]}

    def _open(self, key: str, start: int, stop: int | None, etag: str) -> tuple[StreamingBody, str]:
        """Ask for a range of a file, of the same content as before if an etag is given."""
        request: GetObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": self._name(key),
            "Range": f"bytes={start}-{'' if stop is None else stop - 1}",
        }
        if etag:
            request["IfMatch"] = etag
        with s3_errors(key):
            try:
                found = self._client().get_object(**request)
            except ClientError as error:
                if _status(error) != 416:
                    raise
                return StreamingBody(io.BytesIO(), 0), etag  # The file ends before the range begins.
        return found["Body"], found["ETag"]

    def _name(self, key: str) -> str:
        check_key(key)
        return self._root + key

    def _client(self) -> "S3Client":
        if self._made is None or self._made[0] != os.getpid():
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=ANSWER_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                max_pool_connections=64,
                # A server of one's own has no name in the DNS for each of its buckets.
                s3={"addressing_style": "path" if self._endpoint_url else "auto"},
            )
            client = Session().client("s3", endpoint_url=self._endpoint_url, region_name=self._region, config=config)
            self._made = (os.getpid(), client)
        return self._made[1]


class _PartReader:
    """Reads a source for boto3, which needs parts without gaps: a short one would end the file or be refused."""

    def __init__(self, source: Readable, *, max_bytes: int) -> None:
        self._pieces = limited_pieces(source, max_bytes=max_bytes)
        self._rest = b""
        self.bytes_read = 0
        #: What the source raised.
        self.failure: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        part = bytearray(self._rest)
        self._rest = b""
        while size < 0 or len(part) < size:
            piece = self._next_piece()
            if not piece:
                break
            part += piece
        if 0 <= size < len(part):
            self._rest = bytes(part[size:])
            del part[size:]
        self.bytes_read += len(part)
        return bytes(part)

    def _next_piece(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except BaseException as error:
            self.failure = error
            raise


@contextmanager
def s3_errors(key: str, *, forbidden_is_missing: bool = False) -> Iterator[None]:
    """Translate what boto3 raises into our tree; no message of theirs is passed on, for it may name credentials."""
    try:
        yield
    except ClientError as error:
        if forbidden_is_missing and _status(error) == 403:
            raise FileMissing(f"The file {key} does not exist, or this service may not read it.") from error
        raise _translate(error, key) from error
    except (BotoCoreError, Boto3Error, HTTPError, OSError) as error:
        raise _unavailable(key, type(error).__name__) from error


def _translate(error: ClientError, key: str) -> ServiceError:
    code, status = error.response["Error"]["Code"], _status(error)
    if code == "NoSuchBucket":
        return FileStoreUnavailable("The bucket of the file store does not exist; create it, or correct its name.")
    if status == 404:
        return FileMissing(f"There is no file {key}; it was not written, or it was deleted.")
    if status == 412:
        return FileMissing(f"The file {key} was replaced while it was being read; ask again for the new one.")
    if status == 507:
        return FileStoreFull(f"The file store has no room left to write {key}; free some, or set a larger quota.")
    if status in (401, 403):
        return FileStoreUnavailable(
            f"The file store refuses {key} ({code}); check the credentials and the policy of the bucket."
        )
    return _unavailable(key, code)


def _unavailable(key: str, reason: str) -> FileStoreUnavailable:
    return FileStoreUnavailable(f"The file store does not answer for {key} ({reason}). Try again later.")


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
