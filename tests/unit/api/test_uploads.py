"""A file comes in as it was before it was sent, whichever way it was sent, and never in memory as a whole."""

import gzip
import io
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Request
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.test import EnvironBuilder

from api.csv_header import MAX_HEADER_BYTES
from api.uploads import PeekedUpload, Readable, open_upload
from shared.errors import InputInvalid

CSV = b"height,shoe_size\n" + b"".join(b"%d,44\n" % (150 + number % 50) for number in range(5_000))


class Trickle:
    """A connection over which few bytes come at a time."""

    def __init__(self, content: bytes, most: int) -> None:
        self._file = io.BytesIO(content)
        self._most = most

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(self._most if size < 0 else min(size, self._most))


def request_of(body: bytes = b"", content_type: str | None = "text/csv", *, most: int | None = None) -> Request:
    """A request with this body, of which at most so many bytes come at a time."""
    builder = EnvironBuilder(
        method="POST", content_type=content_type, input_stream=io.BytesIO(body), content_length=len(body)
    )
    stream = io.BytesIO(body) if most is None else Trickle(body, most)
    return Request(builder.get_environ() | {"wsgi.input": stream})


@contextmanager
def request_with_files(files: Sequence[tuple[str, bytes]], **fields: str) -> Iterator[Request]:
    builder = EnvironBuilder(method="POST", content_type="multipart/form-data", data=fields)
    for field, content in files:
        builder.files.add_file(field, io.BytesIO(content), "people.csv", "text/csv")
    request = Request(builder.get_environ())
    try:
        yield request
    finally:
        request.close()


def read_all(source: Readable, sizes: Sequence[int] = ()) -> bytes:
    """Read with these sizes, then to the end."""
    pieces = [source.read(size) for size in sizes]
    while piece := source.read(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def drain(source: Readable) -> None:
    while source.read(1 << 16):
        pass


def codes(refused: pytest.ExceptionInfo[InputInvalid]) -> list[str]:
    return [note.code for note in refused.value.errors]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/csv",
        "text/csv; charset=utf-8",
        "text/plain",
        "application/csv",
        "application/gzip",
        "application/octet-stream",
    ],
)
def test_a_raw_body_is_the_file(content_type: str) -> None:
    assert read_all(open_upload(request_of(CSV, content_type))) == CSV


@pytest.mark.parametrize("content", [b"", b"h", b"\x1f", b"hi"], ids=["empty", "one byte", "half a mark", "two bytes"])
def test_a_tiny_body_is_the_file(content: bytes) -> None:
    assert read_all(open_upload(request_of(content))) == content


@pytest.mark.parametrize("content_type", [None, "application/json", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_type_is_not_supported(content_type: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        open_upload(request_of(CSV, content_type))


@pytest.mark.parametrize("field", ["file", "upload"])
def test_one_file_of_a_form_is_the_file(field: str) -> None:
    with request_with_files([(field, CSV)]) as request:
        assert read_all(open_upload(request)) == CSV


def test_other_fields_of_a_form_are_passed_over() -> None:
    with request_with_files([("file", CSV)], comment="mine") as request:
        assert read_all(open_upload(request)) == CSV


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([], id="none"),
        pytest.param([("file", CSV), ("other", CSV)], id="two"),
        pytest.param([("file", CSV), ("file", CSV)], id="two of one name"),
    ],
)
def test_a_form_that_has_not_one_file_is_refused(files: list[tuple[str, bytes]]) -> None:
    with request_with_files(files, comment="mine") as request, pytest.raises(InputInvalid) as refused:
        open_upload(request)

    assert codes(refused) == ["bad_parameter"]
    assert f"not {len(files)}" in refused.value.detail


@pytest.mark.parametrize("content_type", ["text/csv", "application/gzip"])
def test_a_packed_body_is_told_by_its_first_bytes(content_type: str) -> None:
    assert read_all(open_upload(request_of(gzip.compress(CSV), content_type))) == CSV


def test_a_packed_file_of_a_form_is_told_by_its_first_bytes() -> None:
    with request_with_files([("file", gzip.compress(CSV))]) as request:
        assert read_all(open_upload(request)) == CSV


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_several_packed_files_in_one_are_one_file(size: int) -> None:
    packed = gzip.compress(CSV) + gzip.compress(b"") + gzip.compress(CSV)

    assert read_all(open_upload(request_of(packed)), [size] * 100) == CSV + CSV


@pytest.mark.parametrize("most", [1, 2, 3, 100])
@pytest.mark.parametrize("pack", [pytest.param(bytes, id="plain"), pytest.param(gzip.compress, id="packed")])
def test_a_connection_may_be_slow(pack: Any, most: int) -> None:
    packed = pack(CSV[:1_000])

    upload = open_upload(request_of(packed, most=most))

    assert read_all(upload) == CSV[:1_000]


def test_a_read_returns_no_more_than_it_was_asked_for() -> None:
    upload = open_upload(request_of(gzip.compress(CSV)))

    assert len(upload.read(10)) <= 10


@pytest.mark.parametrize("kept", [2, 5, 12, -9, -8, -1])
def test_a_packed_file_that_ends_too_early_is_refused(kept: int) -> None:
    upload = open_upload(request_of(gzip.compress(CSV)[:kept]))

    with pytest.raises(InputInvalid) as refused:
        drain(upload)

    assert codes(refused) == ["bad_compression"]


def test_a_second_packed_file_that_ends_too_early_is_refused() -> None:
    upload = open_upload(request_of(gzip.compress(CSV) + gzip.compress(CSV)[:-4]))

    with pytest.raises(InputInvalid) as refused:
        drain(upload)

    assert codes(refused) == ["bad_compression"]


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(gzip.compress(CSV)[:-8] + b"\0" * 8, id="another checksum"),
        pytest.param(b"\x1f\x8b" + CSV, id="only the mark"),
        pytest.param(gzip.compress(CSV) + b"height", id="something behind it"),
        pytest.param(gzip.compress(CSV)[:200] + b"\xff" * 50 + gzip.compress(CSV)[250:], id="bytes overwritten"),
    ],
)
def test_a_damaged_packed_file_is_refused(packed: bytes) -> None:
    upload = open_upload(request_of(packed))

    with pytest.raises(InputInvalid) as refused:
        drain(upload)

    assert codes(refused) == ["bad_compression"]


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """64 MiB of nothing, in 64 KiB."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(64)]
    return b"".join([*pieces, packer.flush()])


@pytest.mark.parametrize("members", [1, 2])
def test_a_file_that_unpacks_to_far_more_is_refused(bomb: bytes, members: int) -> None:
    upload = open_upload(request_of(bomb * members))

    with pytest.raises(InputInvalid) as refused:
        drain(upload)

    assert codes(refused) == ["bad_compression"]
    assert "times its size" in refused.value.detail


def test_a_file_that_unpacks_to_far_more_takes_no_memory(bomb: bytes) -> None:
    upload = open_upload(request_of(bomb))

    tracemalloc.start()
    with pytest.raises(InputInvalid):
        drain(upload)
    _now, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak_bytes < 2 << 20


def test_a_small_file_may_be_packed_however_well() -> None:
    content = b"181,44\n" * 300_000

    assert read_all(open_upload(request_of(gzip.compress(content, 9)))) == content


def test_the_head_of_a_small_file_is_the_file() -> None:
    upload = PeekedUpload(io.BytesIO(CSV))

    assert (upload.head, upload.is_whole) == (CSV, True)


def test_the_head_of_a_large_file_is_its_beginning() -> None:
    content = CSV * 50

    upload = PeekedUpload(Trickle(content, 10_000))

    assert (upload.head, upload.is_whole) == (content[:MAX_HEADER_BYTES], False)


CONTENT = bytes(range(256)) * (MAX_HEADER_BYTES // 256 + 1)


@settings(deadline=None)
@given(
    length=st.integers(0, 300) | st.integers(MAX_HEADER_BYTES - 300, MAX_HEADER_BYTES + 256),
    most=st.integers(5_000, MAX_HEADER_BYTES * 2),
    sizes=st.lists(st.integers(1, 100) | st.integers(1, MAX_HEADER_BYTES * 2), max_size=10),
)
def test_a_file_that_was_peeked_at_is_read_from_its_start(length: int, most: int, sizes: list[int]) -> None:
    content = CONTENT[:length]

    upload = PeekedUpload(Trickle(content, most))

    assert read_all(upload, sizes) == content
