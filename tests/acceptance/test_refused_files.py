"""Files that cannot be scored are refused with the reason, in flat memory, and the service stays well."""

import gzip
from collections.abc import Callable

import httpx2
import pytest

from tests.acceptance.people_csv import HEADER
from tests.acceptance.test_batches import score, submit

MEBIBYTE = 1 << 20
#: Far more than a process of the service may need for a file, and less than it reads only to drop it.
LARGE = 48 * MEBIBYTE
#: What a peak may grow by.
GROWTH = 24 * MEBIBYTE


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(b"", "empty_file", id="empty"),
        pytest.param(HEADER.encode(), "no_rows", id="header only"),
        pytest.param(b"hight,weight\n" + b"181,80\n" * (LARGE // 7), "missing_column", id="without a column"),
        pytest.param((HEADER + "a,1,2,3,x\n" * 2_000_000).encode("utf-16"), "unsupported_encoding", id="UTF-16"),
        pytest.param(b"PK\x03\x04\0\0\x08\0" * (LARGE // 8), "not_csv", id="binary"),
        pytest.param(b"height" + b"x" * LARGE, "header_too_long", id="one endless line"),
        pytest.param(
            b",".join(b"c%d" % n for n in range(100_000)) + b"\n" + b"1\n" * (LARGE // 2),
            "too_many_columns",
            id="100,000 columns",
        ),
        pytest.param(gzip.compress(HEADER.encode() + b"1,2,3,4,5\n" * 9_000_000), "bad_compression", id="a bomb"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_in_flat_memory(
    http: httpx2.Client, document: bytes, code: str, peak_growth: Callable[[str], int]
) -> None:
    response = submit(http, document)

    assert response.status_code == 422
    assert {note["code"] for note in response.json()["errors"]} == {code}
    assert peak_growth("api") < GROWTH
    assert http.get("/readyz").status_code == 200


def test_an_endless_record_fails_its_batch_in_flat_memory(
    http: httpx2.Client, peak_growth: Callable[[str], int]
) -> None:
    batch, _results = score(http, HEADER.encode() + b'a,181,80,44,"' + b"x" * LARGE)

    assert (batch["status"], batch["error"]["code"]) == ("failed", "record_too_long")
    assert peak_growth("api") < GROWTH
    assert peak_growth("bulk-worker") < GROWTH
    assert http.get("/readyz").status_code == 200
