"""Bodies that come packed are unpacked, and never to more than a body may be."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from werkzeug.exceptions import RequestEntityTooLarge

from api.protocols.packed_body import unpack
from shared.errors import RequestMalformed

PACKERS = pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])


@PACKERS
@pytest.mark.parametrize("body", [b"", b"{}", bytes(range(256)) * 100], ids=["nothing", "little", "much"])
def test_what_was_packed_is_unpacked(pack: Callable[[bytes], bytes], body: bytes) -> None:
    assert unpack(pack(body), 100_000) == body


@PACKERS
def test_a_body_of_just_the_size_that_is_allowed_is_taken(pack: Callable[[bytes], bytes]) -> None:
    assert len(unpack(pack(b"x" * 1_000), 1_000)) == 1_000


@PACKERS
@pytest.mark.parametrize("size", [1_001, 50_000_000], ids=["one byte more", "a bomb"])
def test_a_body_that_unpacks_to_more_than_is_allowed_is_too_large(pack: Callable[[bytes], bytes], size: int) -> None:
    with pytest.raises(RequestEntityTooLarge):
        unpack(pack(b"x" * size), 1_000)


@PACKERS
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda packed: packed[:-1], id="cut off"),
        pytest.param(lambda packed: packed + b"x", id="with something behind it"),
        pytest.param(lambda packed: b"x" + packed, id="with something before it"),
        pytest.param(lambda packed: packed[:0], id="nothing at all"),
    ],
)
def test_a_damaged_body_is_malformed(pack: Callable[[bytes], bytes], spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(RequestMalformed):
        unpack(spoil(pack(b"hello" * 10)), 1_000)
