"""FileStore: where the input of a batch and its results lie, and its implementation on a local disk.

A key is a relative path that we make, such as `batches/bat_1/input.csv`. The implementation on S3 is in s3_files.py.
"""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.errors import FileMissing, FileStoreFull, FileStoreUnavailable, FileTooLarge

#: Most bytes of a file that are held in memory to copy it.
PIECE_BYTES = 1 << 20
#: Start of the name of a file that is still being written; no segment of a key may begin like it.
PARTIAL_PREFIX = ".partial-"
#: No room: on the disk, in a quota, in the largest file of a process.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

SEGMENT = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ENDPOINT = re.compile(r"https?://[^@/?#]+/?")

Pieces = Iterator[bytes]


class Readable(Protocol):
    """What a file can be written from."""

    def read(self, size: int, /) -> bytes:
        """Return 1 to size bytes, or none at the end."""


class FileWriter:
    """A file that is being written, and that nobody can see yet."""

    def __init__(self, file: IO[bytes], key: str) -> None:
        self._file = file
        self._key = key
        #: Bytes written so far.
        self.bytes_written = 0

    def write(self, piece: bytes | bytearray | memoryview, /) -> None:
        """Append a piece; raises FileStoreFull and FileStoreUnavailable."""
        with disk_errors(self._key):
            self.bytes_written += self._file.write(piece)


class FileStore(Protocol):
    """Files under keys. A file is visible only when it is complete; writing a key again replaces its file.

    Every operation may raise FileStoreUnavailable, and those that write FileStoreFull. Memory is bounded whatever the
    size of a file. Safe for threads, and after a fork.
    """

    def write_from(self, key: str, source: Readable, *, max_bytes: int) -> int:
        """Write all that a source holds, read in the calling thread; returns the bytes.

        Raises FileTooLarge past max_bytes, and what the source raises as it is; nothing is left then.
        """

    def open_writer(self, key: str) -> AbstractContextManager[FileWriter]:
        """Write piece by piece; the file is there after a clean exit, and nothing is left after an exception."""

    def size(self, key: str) -> int:
        """Return the bytes of a file; raises FileMissing."""

    def read(self, key: str, *, start: int = 0, stop: int | None = None, piece_bytes: int = PIECE_BYTES) -> Pieces:
        """Yield the bytes from start up to stop, as far as there are; raises FileMissing when first asked for one."""

    def read_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from start up to stop, fewer where the file ends; raises FileMissing."""

    def delete_folder(self, prefix: str) -> None:
        """Delete every file whose key begins with prefix and a slash; there may be none."""

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the key of every folder right below prefix, in any order."""

    def changed_at(self, prefix: str) -> float:
        """Return when the youngest file below prefix was changed, in seconds since the epoch; 0 when there is none.

        S3 says of a file in several parts when its upload began.
        """


@runtime_checkable
class CopyingFileStore(FileStore, Protocol):
    """A store that fetches a file from elsewhere without its bytes passing through us."""

    def copy_in(self, source_url: str, key: str, *, max_bytes: int) -> int:
        """Copy the file at an address into the store; returns its bytes. Raises FileMissing and FileTooLarge."""


def make_file_store(url: str) -> FileStore:
    """Return the store at `file:///absolute/folder` or `s3://bucket/prefix?endpoint_url=…&region=…`.

    Raises ValueError, whose message does not repeat the address.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if re.fullmatch("file:///+[^/?#].*", url, re.DOTALL) and not parts.query + parts.fragment:
        return LocalFileStore(Path(unquote(parts.path)))
    endpoint_url, region = options.pop("endpoint_url", None), options.pop("region", None)
    is_reachable = endpoint_url is None or ENDPOINT.fullmatch(endpoint_url)
    if parts.scheme == "s3" and BUCKET.fullmatch(parts.netloc) and is_reachable and not options:
        from shared.s3_files import S3FileStore  # noqa: PLC0415  # boto3 takes a second: only its users pay it.

        return S3FileStore(parts.netloc, unquote(parts.path).strip("/"), endpoint_url=endpoint_url, region=region)
    raise ValueError(
        "must be file:///absolute/folder or s3://bucket/prefix, the latter with ?endpoint_url=http://host:port and "
        "&region=name if need be; credentials belong in the environment or the role of the machine"
    )


def check_key(key: str) -> None:
    """Raise ValueError for a key that is no relative path or hides something: we never make such a key."""
    if not all(SEGMENT.fullmatch(segment) for segment in key.split("/")):
        raise ValueError(f"not a key of a file: {key!r}")


def check_range(start: int, stop: int | None) -> None:
    """Raise ValueError for a range that ends before it begins: we never ask for one."""
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"not a range of bytes: {start} to {stop}")


def limited_pieces(source: Readable, *, max_bytes: int) -> Pieces:
    """Yield what a source holds; raises FileTooLarge once that is more than max_bytes."""
    total = 0
    while piece := source.read(min(PIECE_BYTES, max_bytes - total + 1)):
        total += len(piece)
        if total > max_bytes:
            raise FileTooLarge(max_bytes)
        yield piece


@contextmanager
def disk_errors(key: str) -> Iterator[None]:
    """Translate what the operating system raises into our tree."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileMissing(f"There is no file {key}; it was not written, or it was deleted.") from error
    except OSError as error:
        if error.errno in FULL:
            raise FileStoreFull(f"There is no room left to write {key}; free some, or set a larger quota.") from error
        raise FileStoreUnavailable(
            f"The disk cannot be used for {key} ({error.strerror}); check its mount, its health and its permissions."
        ) from error


class LocalFileStore:
    """FileStore in one folder; what was written survives a crash of the machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def write_from(self, key: str, source: Readable, *, max_bytes: int) -> int:
        with self.open_writer(key) as writer:
            for piece in limited_pieces(source, max_bytes=max_bytes):
                writer.write(piece)
            return writer.bytes_written

    @contextmanager
    def open_writer(self, key: str) -> Iterator[FileWriter]:
        path = self._path(key)
        with disk_errors(key):
            self._make_folder(path.parent)
            # It lies in the folder of its file, to be renamed in one step, and to be deleted with it if we are killed.
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL_PREFIX)
        file = os.fdopen(descriptor, "wb", PIECE_BYTES)
        try:
            yield FileWriter(file, key)
            with disk_errors(key):
                file.flush()
                os.fsync(descriptor)
                Path(name).replace(path)
                _sync_folder(path.parent)
        finally:
            with suppress(OSError):  # Closing tries again to write what did not fit.
                file.close()
            with suppress(OSError):  # It is no longer there when it got its name.
                Path(name).unlink()

    def size(self, key: str) -> int:
        with disk_errors(key), self._path(key).open("rb") as file:
            return os.fstat(file.fileno()).st_size

    def read(self, key: str, *, start: int = 0, stop: int | None = None, piece_bytes: int = PIECE_BYTES) -> Pieces:
        check_range(start, stop)
        with disk_errors(key), self._path(key).open("rb", buffering=0) as file:
            file.seek(start)
            while piece := file.read(piece_bytes if stop is None else min(piece_bytes, stop - start)):
                start += len(piece)
                yield piece

    def read_range(self, key: str, start: int, stop: int) -> bytes:
        return b"".join(self.read(key, start=start, stop=stop))

    def delete_folder(self, prefix: str) -> None:
        with disk_errors(prefix):
            # Another process may delete the same folder at the same time.
            for folder, _, names in os.walk(self._path(prefix), topdown=False):
                for name in names:
                    Path(folder, name).unlink(missing_ok=True)
                with suppress(FileNotFoundError):
                    Path(folder).rmdir()

    def folders(self, prefix: str) -> Iterator[str]:
        with disk_errors(prefix):
            root = self._path(prefix)
            names = [entry.name for entry in os.scandir(root) if entry.is_dir()] if root.is_dir() else []
        yield from (f"{prefix}/{name}" for name in names)

    def changed_at(self, prefix: str) -> float:
        with disk_errors(prefix):
            # A file that is still being written counts; its folder does where there is none yet.
            folder = self._path(prefix)
            return max(_changed_at(path) for path in (folder, *folder.rglob("*")))

    def _path(self, key: str) -> Path:
        check_key(key)
        path = self._root / key
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise ValueError(f"a link leads out of the file store: {key!r}")
        return path

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(folder.parent)


def _changed_at(path: Path) -> float:
    """Return when a file or folder was changed, and the beginning of time for one that is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
