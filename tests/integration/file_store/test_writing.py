"""What every FileStore must do with a file that is written: whole or not at all."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import FileStoreUnavailable, FileTooLarge
from shared.file_store import FileStore
from tests.integration.file_store.conftest import KEY, MEGABYTE, Place, Source, content, is_visible, write

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
