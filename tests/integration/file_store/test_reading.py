"""What every FileStore must do with a file that is read: whole, in ranges, or missing."""

import tracemalloc
from collections.abc import Callable

import pytest

from shared.errors import FileMissing
from shared.file_store import FileStore
from tests.integration.file_store.conftest import KEY, MEGABYTE, Source, write


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


def test_memory_stays_small_while_a_file_is_read(files: FileStore) -> None:
    files.write_from(KEY, Source(20 * MEGABYTE), max_bytes=100 * MEGABYTE)
    tracemalloc.start()

    read = sum(map(len, files.read(KEY)))

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read == 20 * MEGABYTE
    assert peak < 6 * MEGABYTE
