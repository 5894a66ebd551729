"""What only a FileStore on S3 does: it bears with a server, and copies from other buckets."""

import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.errors import FileMissing, FileStoreUnavailable, FileTooLarge
from shared.file_store import CopyingFileStore, FileStore
from shared.s3_files import S3FileStore
from tests.integration.file_store.conftest import KEY, MEGABYTE, Place, Source, content, is_visible, write
from tests.moto_process import CREDENTIALS, MotoProcess, free_port

EVERY_USE = pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files: write(files, b"x"), id="open a writer"),
        pytest.param(lambda files: files.write_from(KEY, Source(20 * MEGABYTE), max_bytes=10**9), id="write"),
        pytest.param(lambda files: files.size(KEY), id="size"),
        pytest.param(content, id="read"),
        pytest.param(lambda files: files.delete_folder("batches"), id="delete"),
        pytest.param(lambda files: files.copy_in("s3://other/file", KEY, max_bytes=1), id="copy"),
    ],
)


@pytest.mark.timeout(30)
@EVERY_USE
def test_a_server_that_is_away_is_told_soon_and_without_credentials(use: Callable[[FileStore], object]) -> None:
    files = S3FileStore("bucket", "root", endpoint_url=f"http://127.0.0.1:{free_port()}", region="us-east-1")

    with pytest.raises(FileStoreUnavailable, match="Try again") as raised:
        use(files)

    assert not re.search("|".join(CREDENTIALS.values()), str(raised.value))


@pytest.mark.timeout(30)
@EVERY_USE
def test_a_server_that_hangs_is_told_soon(use: Callable[[FileStore], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.s3_files.ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(FileStoreUnavailable, match="Try again"):
        use(S3FileStore("bucket", "root", endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}"))


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files: write(files, b"x"), id="write"),
        pytest.param(content, id="read"),
        pytest.param(lambda files: files.delete_folder("batches"), id="delete"),
    ],
)
def test_a_bucket_that_does_not_exist_is_told(moto: MotoProcess, use: Callable[[FileStore], object]) -> None:
    files = S3FileStore("absent", "root", endpoint_url=moto.url, region="us-east-1")

    with pytest.raises(FileStoreUnavailable, match="bucket of the file store does not exist"):
        use(files)


class CuttingServer:
    """Serves one file of S3, and breaks each connection after some bytes, as often as it is told to."""

    def __init__(self, text: bytes, *, cuts: int, cut_after: int) -> None:
        outer = self
        self.ranges: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
                outer.ranges.append(self.headers["Range"])
                is_cut = len(outer.ranges) <= cuts
                self.send_response(206)
                self.send_header("Content-Length", str(len(text) - start))
                self.send_header("ETag", '"one"')
                self.end_headers()
                self.wfile.write(text[start : start + cut_after] if is_cut else text[start:])

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "CuttingServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_reading_goes_on_where_a_connection_broke() -> None:
    text = bytes(range(256)) * 4000

    with CuttingServer(text, cuts=5, cut_after=100_000) as server:
        read = content(S3FileStore("bucket", "root", endpoint_url=server.url, region="us-east-1"))

    assert read == text
    assert server.ranges == [f"bytes={start}-" for start in range(0, 600_000, 100_000)]


def test_reading_ends_when_connections_bring_nothing() -> None:
    with CuttingServer(b"x" * 1000, cuts=100, cut_after=0) as server, pytest.raises(FileStoreUnavailable):
        content(S3FileStore("bucket", "root", endpoint_url=server.url, region="us-east-1"))

    assert len(server.ranges) == 4


@pytest.mark.parametrize("size", [0, 17, 40 * MEGABYTE])
def test_a_file_is_copied_from_another_bucket(moto: MotoProcess, bucket: str, s3: CopyingFileStore, size: int) -> None:
    moto.client().create_bucket(Bucket=f"{bucket}-source")
    moto.client().put_object(Bucket=f"{bucket}-source", Key="a ü%41+?#.csv", Body=b"x" * size, Tagging="a=b")

    copied = s3.copy_in(f"s3://{bucket}-source/a ü%41+?#.csv", KEY, max_bytes=size)

    assert (copied, s3.size(KEY)) == (size, size)


def test_a_file_that_is_too_large_is_not_copied(moto: MotoProcess, bucket: str, bucket_place: Place) -> None:
    moto.client().put_object(Bucket=bucket, Key="elsewhere/file", Body=b"x" * 11)
    assert isinstance(bucket_place.files, CopyingFileStore)

    with pytest.raises(FileTooLarge, match="10"):
        bucket_place.files.copy_in(f"s3://{bucket}/elsewhere/file", KEY, max_bytes=10)

    assert bucket_place.everything() == ["elsewhere/file"]


@pytest.mark.parametrize(
    ("source_url", "reason"),
    [
        ("s3://absent-bucket/file", "no file"),
        ("s3://{bucket}/elsewhere/absent", "no file"),
        ("s3://{bucket}/root/batches/bat_other/input.csv", "among the files of this service"),
        ("s3://{bucket}/", "not of the form"),
        ("s3://{bucket}", "not of the form"),
        ("s3://UPPER/file", "not of the form"),
        ("s3://user:secret@{bucket}/file", "not of the form"),
        ("https://example.com/file", "not of the form"),
        ("file:///etc/passwd", "not of the form"),
        ("s3://{bucket}/" + "x" * 1025, "not of the form"),
    ],
)
def test_what_cannot_be_copied_is_missing(bucket: str, s3: CopyingFileStore, source_url: str, reason: str) -> None:
    write(s3, b"x", "batches/bat_other/input.csv")

    with pytest.raises(FileMissing, match=reason):
        s3.copy_in(source_url.format(bucket=bucket), KEY, max_bytes=10)

    assert not is_visible(s3)
