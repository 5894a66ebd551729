"""A file store of each kind, with a look behind it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.errors import FileMissing
from shared.file_store import CopyingFileStore, FileStore, LocalFileStore, make_file_store
from tests.moto_process import CREDENTIALS, MotoProcess

ROOT = Path(__file__).resolve().parent.parent.parent.parent
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


@pytest.fixture(scope="session")
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
