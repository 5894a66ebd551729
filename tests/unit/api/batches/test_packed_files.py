"""How a file may be packed: once, with gzip; and what a client is told that packed it otherwise."""

import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from tests.unit.api.batches.conftest import CSV, completed, files_in, submit
from tests.unit.api.conftest import Api, document_of

#: Every zstd file begins so.
ZSTD = b"\x28\xb5\x2f\xfd\x24" + CSV


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("people.csv", CSV * 10)
    return archive.getvalue()


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity", ""])
def test_a_client_may_say_that_its_file_is_packed_with_gzip(api: Api, encoding: str) -> None:
    response = submit(api, gzip.compress(CSV), headers={"Content-Encoding": encoding})

    assert response.status_code == 202


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "compress", "gzip, gzip", "br, gzip", "x" * 5_000])
def test_a_file_that_is_packed_in_another_way_is_refused_with_what_to_send(
    api: Api, tmp_path: Path, encoding: str
) -> None:
    response = submit(api, CSV, headers={"Content-Encoding": encoding})

    document = document_of(response)
    assert (response.status_code, document["code"]) == (415, "unsupported_media_type")
    assert document["detail"] == f"Send the CSV as it is, or packed once with gzip, not as {encoding[:64]}."
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize(
    ("body", "found"),
    [
        pytest.param(gzip.compress(gzip.compress(CSV)), "packed with gzip more than once", id="gzip in gzip"),
        pytest.param(zipped(), "a ZIP archive", id="ZIP"),
        pytest.param(gzip.compress(zipped()), "a ZIP archive", id="ZIP in gzip"),
        pytest.param(lzma.compress(CSV), "packed with xz", id="xz"),
        pytest.param(ZSTD, "packed with zstd", id="zstd"),
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"], ids=["to score", "dry run"])
def test_an_archive_is_refused_as_what_it_is(api: Api, tmp_path: Path, body: bytes, found: str, query: str) -> None:
    response = submit(api, body, query)

    (note,) = document_of(response)["errors"]
    assert (response.status_code, note["code"]) == (422, "not_csv")
    assert found in note["detail"]
    assert "packed once with gzip" in note["detail"]
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_mended_rows_in_an_archive_are_refused_as_what_they_are(api: Api) -> None:
    path = f"/v1/batches/{completed(api)}/retry"

    response = api.client.post(path, data=zipped(), content_type="text/csv")

    assert [note["code"] for note in document_of(response)["errors"]] == ["not_csv"]
