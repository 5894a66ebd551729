"""What every FileStore must do: the same tests for a local folder and for S3, then what only one of them can."""

import re
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.errors import FileMissing, FileStoreFull, FileStoreUnavailable, FileTooLarge
from shared.file_store import CopyingFileStore, FileStore, FileWriter, LocalFileStore, make_file_store
from shared.s3_files import S3FileStore
from tests.moto_process import CREDENTIALS, MotoProcess, free_port

ROOT = Path(__file__).resolve().parent.parent.parent
MEGABYTE = 1_000_000
KEY = "batches/bat_a/input.csv"


class Source:
    """Bytes that tell their place, handed out in small pieces; at the end it fails if it is told to."""

    def __init__(self, size: int, *, failure: BaseException | None = None, step: int = 65_537) -> None:
        self._left = size
        self._failure = failure
        self._step = step

    def read(self, size: int, /) -> bytes:
        taken = min(size, self._step, self._left)
        if not taken and self._failure:
            raise self._failure
        self._left -= taken
        return b"%07x\n" % self._left * (taken // 8) + b"-" * (taken % 8)


@dataclass
class Place:
    """A store of one test's own, and a look behind it."""

    url: str
    files: FileStore
    #: Every file that takes room, the incomplete ones too.
    everything: Callable[[], list[str]]
    #: Puts files under names behind the store's back.
    fill: Callable[[list[str]], object]


def local_place(root: Path) -> Place:
    def fill(names: list[str]) -> None:
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"x")

    def everything() -> list[str]:
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    url = f"file://{quote(str(root))}"
    return Place(url, make_file_store(url), everything, fill)


def s3_place(moto: MotoProcess, bucket: str) -> Place:
    client = moto.client()
    client.create_bucket(Bucket=bucket)

    def fill(names: list[str]) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: client.put_object(Bucket=bucket, Key=f"root/{name}", Body=b"x"), names))

    def everything() -> list[str]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        uploads = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        found = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return sorted(key.removeprefix("root/") for key in [*found, *(item["Key"] for item in uploads)])

    url = f"s3://{bucket}/root?endpoint_url={quote(moto.url)}&region=us-east-1"
    return Place(url, make_file_store(url), everything, fill)


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as server:
        yield server


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> str:
    return f"test-{abs(hash(request.node.nodeid))}"


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: str) -> Place:
    if request.param == "local":
        return local_place(tmp_path / "files")
    return s3_place(request.getfixturevalue("moto"), bucket)


@pytest.fixture
def files(place: Place) -> FileStore:
    return place.files


@pytest.fixture
def bucket_place(moto: MotoProcess, bucket: str) -> Place:
    return s3_place(moto, bucket)


@pytest.fixture
def s3(bucket_place: Place) -> CopyingFileStore:
    assert isinstance(bucket_place.files, CopyingFileStore)
    return bucket_place.files


@pytest.fixture
def local(tmp_path: Path) -> LocalFileStore:
    return LocalFileStore(tmp_path / "files")


def content(files: FileStore, key: str = KEY) -> bytes:
    return b"".join(files.read(key))


def write(files: FileStore, text: bytes, key: str = KEY) -> None:
    with files.open_writer(key) as writer:
        writer.write(text)


def is_visible(files: FileStore, key: str = KEY) -> bool:
    with suppress(FileMissing):
        return files.size(key) >= 0
    return False


def run_child(program: str, place: Place) -> "subprocess.Popen[str]":
    prelude = "import sys; from shared.file_store import make_file_store; files = make_file_store(sys.argv[1])\n"
    command = [sys.executable, "-c", prelude + program, place.url]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


SIZES = pytest.mark.parametrize(
    "size",
    [
        pytest.param(0, id="empty"),
        pytest.param(17, id="small"),
        pytest.param(8 << 20, id="exactly one part"),
        pytest.param(20 * MEGABYTE + 1, id="several parts"),
    ],
)


@SIZES
def test_a_file_is_read_as_its_source_gave_it(files: FileStore, size: int) -> None:
    source = Source(size)
    expected = b"".join(iter(lambda: source.read(1 << 20), b""))

    written = files.write_from(KEY, Source(size), max_bytes=100 * MEGABYTE)

    assert (written, files.size(KEY)) == (size, size)
    assert content(files) == expected


@SIZES
def test_a_file_is_read_as_it_was_written_piece_by_piece(files: FileStore, size: int) -> None:
    pieces = [bytes([65 + number]) * (size // 10) for number in range(10)]

    with files.open_writer(KEY) as writer:
        writer.write(bytearray(pieces[0]))
        writer.write(memoryview(pieces[1]))
        writer.write(b"".join(pieces[2:]))

    assert writer.bytes_written == files.size(KEY) == size // 10 * 10
    assert content(files) == b"".join(pieces)


def test_a_file_of_exactly_the_limit_is_accepted(files: FileStore) -> None:
    assert files.write_from(KEY, Source(1000), max_bytes=1000) == 1000


@pytest.mark.parametrize(
    ("size", "limit"),
    [
        pytest.param(1001, 1000, id="small"),
        pytest.param(1, 0, id="nothing is accepted"),
        pytest.param(20 * MEGABYTE, 18 * MEGABYTE, id="after the first parts"),
    ],
)
def test_a_file_past_the_limit_is_refused_and_leaves_nothing(place: Place, size: int, limit: int) -> None:
    with pytest.raises(FileTooLarge, match=str(limit)):
        place.files.write_from(KEY, Source(size), max_bytes=limit)

    assert place.everything() == []


@pytest.mark.parametrize(
    "size", [pytest.param(0, id="at once"), pytest.param(100, id="soon"), pytest.param(18 * MEGABYTE, id="late")]
)
@pytest.mark.parametrize(
    "failure", [ConnectionResetError("gone"), FileStoreUnavailable("away"), KeyboardInterrupt()], ids=repr
)
def test_what_a_source_raises_passes_and_nothing_is_left(place: Place, size: int, failure: BaseException) -> None:
    with pytest.raises(type(failure)) as raised:
        place.files.write_from(KEY, Source(size, failure=failure), max_bytes=100 * MEGABYTE)

    assert raised.value is failure
    assert place.everything() == []


@pytest.mark.parametrize("size", [0, 18 * MEGABYTE])
def test_what_a_writer_raises_passes_and_nothing_is_left(place: Place, size: int) -> None:
    def fail() -> None:
        with place.files.open_writer(KEY) as writer:
            writer.write(b"x" * size)
            raise OSError("a failure of the one who writes")

    with pytest.raises(OSError, match="a failure of the one who writes"):
        fail()

    assert place.everything() == []


def test_a_failed_write_leaves_the_file_that_was_there(files: FileStore) -> None:
    write(files, b"old")

    with pytest.raises(FileTooLarge):
        files.write_from(KEY, Source(18 * MEGABYTE), max_bytes=17 * MEGABYTE)

    assert content(files) == b"old"


def test_writing_again_replaces_the_file(files: FileStore) -> None:
    write(files, b"a long old file")

    write(files, b"new")

    assert (files.size(KEY), content(files)) == (3, b"new")


def test_a_file_is_not_visible_while_its_source_is_read(files: FileStore) -> None:
    seen = []

    class Watched(Source):
        def read(self, size: int, /) -> bytes:
            seen.append(is_visible(files))
            return super().read(size)

    files.write_from(KEY, Watched(18 * MEGABYTE, step=MEGABYTE), max_bytes=100 * MEGABYTE)

    assert len(seen) >= 18
    assert not any(seen)
    assert is_visible(files)


def test_a_source_is_read_in_the_calling_thread(files: FileStore) -> None:
    readers = set()

    class Watched(Source):
        def read(self, size: int, /) -> bytes:
            readers.add(threading.get_ident())
            return super().read(size)

    files.write_from(KEY, Watched(18 * MEGABYTE), max_bytes=100 * MEGABYTE)

    assert readers == {threading.get_ident()}


def test_a_file_is_not_visible_while_it_is_written(files: FileStore) -> None:
    with files.open_writer(KEY) as writer:
        writer.write(b"x" * 9 * MEGABYTE)
        before = is_visible(files)

    assert (before, is_visible(files)) == (False, True)


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        pytest.param(0, None, b"0123456789", id="whole"),
        pytest.param(3, None, b"3456789", id="from a byte on"),
        pytest.param(0, 4, b"0123", id="up to a byte"),
        pytest.param(3, 4, b"3", id="one byte"),
        pytest.param(8, 50, b"89", id="past the end"),
        pytest.param(10, None, b"", id="from the end"),
        pytest.param(50, 60, b"", id="behind the end"),
        pytest.param(4, 4, b"", id="nothing"),
    ],
)
def test_a_range_is_read(files: FileStore, start: int, stop: int | None, expected: bytes) -> None:
    write(files, b"0123456789")

    assert b"".join(files.read(KEY, start=start, stop=stop)) == expected
    assert files.read_range(KEY, start, 100 if stop is None else stop) == expected


@pytest.mark.parametrize(("start", "stop"), [(-1, 4), (4, 3)])
def test_a_range_that_is_none_is_a_defect(files: FileStore, start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="not a range"):
        files.read_range(KEY, start, stop)


def test_a_file_is_read_in_pieces_of_a_bounded_size(files: FileStore) -> None:
    write(files, b"0123456789")

    pieces = list(files.read(KEY, start=1, stop=9, piece_bytes=3))

    assert b"".join(pieces) == b"12345678"
    assert max(map(len, pieces)) <= 3


@pytest.mark.parametrize("key", [KEY, "batches", "batches/bat_b/input.csv/below"])
@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda files, key: files.size(key), id="size"),
        pytest.param(lambda files, key: next(files.read(key)), id="read"),
        pytest.param(lambda files, key: files.read_range(key, 0, 5), id="read a range"),
    ],
)
def test_a_file_that_was_not_written_is_missing(
    files: FileStore, look: Callable[[FileStore, str], object], key: str
) -> None:
    write(files, b"another", "batches/bat_b/input.csv")

    with pytest.raises(FileMissing, match=key):
        look(files, key)


def test_of_several_writers_at_once_the_last_one_wins_whole(files: FileStore) -> None:
    texts = [bytes([65 + number]) * 9 * MEGABYTE for number in range(4)]
    together = threading.Barrier(4)

    def write_with_others(text: bytes) -> None:
        with files.open_writer(KEY) as writer:
            writer.write(text)
            together.wait(30)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_with_others, texts))

    assert content(files) in texts


def test_memory_stays_small_while_a_file_is_written(files: FileStore) -> None:
    files.write_from("warm", Source(10), max_bytes=10)
    tracemalloc.start()

    files.write_from(KEY, Source(40 * MEGABYTE), max_bytes=100 * MEGABYTE)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * MEGABYTE


def test_memory_stays_small_while_a_file_is_read(files: FileStore) -> None:
    files.write_from(KEY, Source(20 * MEGABYTE), max_bytes=100 * MEGABYTE)
    tracemalloc.start()

    read = sum(map(len, files.read(KEY)))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 20 * MEGABYTE
    assert peak < 6 * MEGABYTE


def test_a_folder_is_deleted_with_its_more_than_a_thousand_files_and_no_other(place: Place) -> None:
    place.fill([f"batches/bat_a/parts/{number}" for number in range(1100)])
    place.fill(["batches/bat_a/input.csv", "batches/bat_ab/input.csv", "batches/bat_b/input.csv"])

    place.files.delete_folder("batches/bat_a")

    assert place.everything() == ["batches/bat_ab/input.csv", "batches/bat_b/input.csv"]


def test_deleting_a_folder_again_changes_nothing(place: Place) -> None:
    write(place.files, b"other", "batches/bat_b/input.csv")

    place.files.delete_folder("batches/bat_a")
    place.files.delete_folder("batches/bat_a")

    assert place.everything() == ["batches/bat_b/input.csv"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a/..",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "a\0b",
        "a\nb",
        "a/.partial-b",
        "~/\x7f",
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files, key: files.write_from(key, Source(1), max_bytes=1), id="write"),
        pytest.param(lambda files, key: files.open_writer(key).__enter__(), id="open a writer"),
        pytest.param(lambda files, key: files.size(key), id="size"),
        pytest.param(lambda files, key: files.read_range(key, 0, 1), id="read"),
        pytest.param(lambda files, key: files.delete_folder(key), id="delete"),
    ],
)
def test_a_key_that_we_never_make_is_refused(tmp_path: Path, use: Callable[[FileStore, str], object], key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        use(LocalFileStore(tmp_path), key)
    with pytest.raises(ValueError, match="not a key"):
        use(S3FileStore("bucket", "root"), key)


def test_a_killed_writer_leaves_nothing_visible(place: Place) -> None:
    program = f"""
class Endless:
    left = 20
    def read(self, size):
        self.left -= 1
        if self.left < 0:
            print("writing", flush=True)
            sys.stdin.read()
        return b"x" * size
files.write_from({KEY!r}, Endless(), max_bytes=10**9)
"""
    with run_child(program, place) as child:
        assert child.stdout is not None
        said = child.stdout.readline()

        child.send_signal(signal.SIGKILL)

    assert said == "writing\n"
    assert not is_visible(place.files)


def test_what_a_killed_writer_leaves_on_a_disk_is_deleted_with_its_folder(tmp_path: Path) -> None:
    place = local_place(tmp_path / "files")
    program = f"""
with files.open_writer({KEY!r}) as writer:
    writer.write(b"x" * 5_000_000)
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""
    run_child(program, place).communicate()
    before = place.everything()

    place.files.delete_folder("batches/bat_a")

    assert len(before) == 1
    assert list((tmp_path / "files/batches").iterdir()) == []


@pytest.mark.parametrize("size", [2 * MEGABYTE, 1 * MEGABYTE + 1])
def test_a_full_disk_is_told_and_nothing_is_left(place: Place, size: int) -> None:
    program = f"""
import resource
from shared.errors import FileStoreFull
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    with files.open_writer({KEY!r}) as writer:
        writer.write(b"x" * {size})
except FileStoreFull as error:
    print(error)
"""

    said, _ = run_child(program, place).communicate()

    assert "no room left" in said
    assert place.everything() == []


def test_a_device_without_room_is_a_full_store() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(FileStoreFull, match="no room left"):
        FileWriter(file, KEY).write(b"x")


def test_a_store_works_after_a_fork(place: Place) -> None:
    program = f"""
import os
files.write_from({KEY!r}, open("/dev/null", "rb"), max_bytes=1)
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
files.write_from("batches/bat_a/child", open("/dev/null", "rb"), max_bytes=1)
os._exit(0)
"""

    run_child(program, place).communicate()

    assert place.everything() == ["batches/bat_a/child", KEY]


def test_files_on_a_disk_are_for_their_owner_only(local: LocalFileStore, tmp_path: Path) -> None:
    write(local, b"x")

    path = tmp_path / "files" / KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in list(path.parents)[:3]} == {0o700}


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files: write(files, b"x", "out/file"), id="write"),
        pytest.param(lambda files: content(files, "out/file"), id="read"),
        pytest.param(lambda files: files.delete_folder("out"), id="delete"),
    ],
)
def test_a_link_that_leads_out_of_the_store_is_refused(
    local: LocalFileStore, tmp_path: Path, use: Callable[[FileStore], object]
) -> None:
    write(local, b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    (tmp_path / "files/out").symlink_to(outside)

    with pytest.raises(ValueError, match="leads out"):
        use(local)

    assert (outside / "file").read_bytes() == b"secret"


def test_a_store_whose_folder_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "files").write_bytes(b"a file where the folder should be")

    with pytest.raises(FileStoreUnavailable, match="check its mount"):
        write(LocalFileStore(tmp_path / "files"), b"x")


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


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///var/lib/rowcall", LocalFileStore),
        ("s3://some-bucket", S3FileStore),
        ("s3://some-bucket/a/b/", S3FileStore),
        ("s3://some-bucket/a?region=eu-west-1&endpoint_url=http%3A%2F%2Fmoto%3A5000", S3FileStore),
    ],
)
def test_an_address_names_a_store(url: str, kind: type) -> None:
    assert isinstance(make_file_store(url), kind)
    assert isinstance(make_file_store(url), CopyingFileStore) == (kind is S3FileStore)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "var/lib",
        "file:relative",
        "file://host/secret",
        "file:///",
        "file:///a?secret=1",
        "s3://",
        "s3://UPPER",
        "s3://key:secret@bucket/a",
        "s3://bucket?secret=1",
        "s3://bucket?endpoint_url=ftp://secret",
        "s3://bucket?endpoint_url=http://user:secret@host",
        "https://bucket.secret",
    ],
)
def test_any_other_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="must be file:///absolute/folder or s3://bucket/prefix") as raised:
        make_file_store(url)

    assert "secret" not in str(raised.value)


def test_a_store_on_a_disk_does_not_load_boto3(tmp_path: Path) -> None:
    place = local_place(tmp_path)

    said, _ = run_child("print('boto3' in sys.modules)", place).communicate()

    assert said == "False\n"
