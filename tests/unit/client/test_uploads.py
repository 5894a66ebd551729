"""A CSV file on its way up: what is sent, how much of it is in memory, and that it is sent once."""

import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall_client import (
    BatchStatus,
    ConnectionFailed,
    ProblemError,
    RowcallClient,
)
from tests.unit.client.scripted_server import Breaking, ScriptedServer, Time, Troubled

Document = dict[str, Any]
Make = Callable[..., Document]
CSV = b"height,weight\n181,80\n165,60\n"
#: A file that takes several pieces.
LONG_CSV = b"height,weight\n" + b"181,80\n" * 60_000


def test_a_file_is_uploaded_as_it_is_with_its_length(
    client: RowcallClient, server: ScriptedServer, batch: Make, tmp_path: Path
) -> None:
    server.answer(batch(status="queued"), 202, Location="/v1/batches/bat_1")
    path = tmp_path / "people.csv"
    path.write_bytes(LONG_CSV)

    accepted = client.submit_batch(path)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/batches")
    assert request.headers["content-type"] == "text/csv"
    assert request.headers["content-length"] == str(len(LONG_CSV))
    assert "content-encoding" not in request.headers
    assert request.upload is not None
    assert request.upload.digest.digest() == hashlib.sha256(LONG_CSV).digest()
    assert (accepted.id, accepted.status) == ("bat_1", BatchStatus.QUEUED)


def test_an_open_file_is_uploaded_from_where_it_stands(
    client: RowcallClient, server: ScriptedServer, batch: Make
) -> None:
    server.answer(batch(), 202)
    file = io.BytesIO(b"junk" + CSV)
    file.seek(4)

    client.submit_batch(file)

    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start == CSV


def test_an_iterable_is_uploaded_in_chunks(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)

    client.submit_batch([b"height,weight\n", b"", b"181,80\n"])

    assert server.requests[0].headers["transfer-encoding"] == "chunked"
    assert server.requests[0].upload is not None
    assert server.requests[0].upload.size_bytes == 21


def test_fifty_megabytes_pass_through_a_few(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)
    piece = b"181,80\n" * 10_000
    tracemalloc.start()

    client.submit_batch(piece for _ in range(715))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert server.requests[0].upload is not None
    assert server.requests[0].upload.size_bytes > 50_000_000
    assert peak_bytes < 5_000_000


def test_gzip_is_recognized_and_announced(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)
    compressed = gzip.compress(CSV)

    client.submit_batch([compressed[:1], compressed[1:]])

    assert server.requests[0].headers["content-encoding"] == "gzip"
    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start[:2] == b"\x1f\x8b"


def test_an_empty_file_is_left_to_the_server_to_refuse(
    client: RowcallClient, server: ScriptedServer, problem: Make
) -> None:
    server.answer(problem(422, "empty_file"), 422)

    with pytest.raises(ProblemError, match="empty_file"):
        client.submit_batch(io.BytesIO())


def test_the_options_travel_in_the_query(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)

    client.submit_batch(
        io.BytesIO(CSV),
        model="gender",
        version="2",
        on_error="abort",
        max_error_ratio=0.25,
        formulas="escape",
        delimiter=";",
        encoding="cp1252",
        columns={"height": "Body height: cm", "weight": "Größe"},
        retain_for="5m",
        metadata={"order": "4711", "größe": "a: b&"},
    )

    url = httpx2.URL(server.requests[0].path)
    assert url.params.multi_items() == [
        ("model", "gender"),
        ("version", "2"),
        ("on_error", "abort"),
        ("max_error_ratio", "0.25"),
        ("formulas", "escape"),
        ("delimiter", ";"),
        ("encoding", "cp1252"),
        ("retain_for", "5m"),
        ("column", "height:Body height: cm"),
        ("column", "weight:Größe"),
        ("metadata", "order:4711"),
        ("metadata", "größe:a: b&"),
    ]


def test_the_caller_is_told_how_much_has_left(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)
    seen: list[int] = []

    client.submit_batch([b"height\n", b"181\n", b"165\n"], on_progress=seen.append)

    assert seen == [7, 11, 15]


def test_text_is_not_taken_for_a_source(client: RowcallClient, server: ScriptedServer) -> None:
    with pytest.raises(TypeError, match="a source is"):
        client.submit_batch("people.csv")  # type: ignore[arg-type]

    assert server.requests == []


def test_a_missing_column_names_the_feature(client: RowcallClient, server: ScriptedServer, problem: Make) -> None:
    note = {"pointer": "/columns/height", "code": "missing_column", "detail": "Did you mean 'Heigth'?"}
    server.answer(problem(422, "missing_column", errors=[note]), 422)

    with pytest.raises(ProblemError) as caught:
        client.submit_batch(io.BytesIO(CSV))

    assert (caught.value.errors[0].place, caught.value.errors[0].code) == ("height", "missing_column")


@pytest.mark.parametrize("status", [413, 415, 422])
def test_a_file_that_is_refused_is_not_sent_again(
    client: RowcallClient, server: ScriptedServer, problem: Make, status: int
) -> None:
    server.answer(problem(status, "some_code"), status)

    with pytest.raises(ProblemError):
        client.submit_batch(io.BytesIO(CSV))

    assert len(server.requests) == 1


def test_an_upload_without_an_answer_is_sent_again_as_a_whole_and_with_the_same_key(
    client: RowcallClient, server: ScriptedServer, batch: Make, problem: Make
) -> None:
    server.answer(problem(503, "store_unavailable", retryable=True), 503)
    server.answer(batch(), 202)
    file = io.BytesIO(b"junk" + LONG_CSV)
    file.seek(4)

    client.submit_batch(file)

    first, second = server.requests
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert second.upload is not None
    assert second.upload.digest.digest() == hashlib.sha256(LONG_CSV).digest()


def test_an_upload_can_have_a_key_of_its_callers(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)

    client.submit_batch(io.BytesIO(CSV), idempotency_key="of March")

    assert server.requests[0].headers["idempotency-key"] == "of March"
    assert server.requests[0].path == "/v1/batches"


@pytest.mark.parametrize("source", [iter([CSV]), (piece for piece in [CSV])], ids=["an iterator", "a generator"])
def test_what_can_be_read_only_once_is_not_sent_again(source: Iterable[bytes]) -> None:
    transport = Breaking()

    with RowcallClient(transport=transport) as client, pytest.raises(ConnectionFailed, match="may have been accepted"):
        client.submit_batch(source)

    assert transport.requests == 1


def test_mended_rows_that_may_have_arrived_are_not_sent_again() -> None:
    transport = Breaking()

    with RowcallClient(transport=transport) as client, pytest.raises(ConnectionFailed, match="may have been accepted"):
        client.retry_batch("bat_1", io.BytesIO(CSV))

    assert transport.requests == 1


def test_an_upload_is_tried_again_while_no_connection_can_be_made(
    server: ScriptedServer, batch: Make, time: Time
) -> None:
    server.answer(batch(), 202)
    transport = Troubled([httpx2.ConnectError("refused"), httpx2.ConnectError("refused")])

    with RowcallClient(server.url, transport=transport, sleep=time.sleep) as client:
        client.submit_batch(iter([CSV]))

    assert transport.requests == 3
    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start == CSV


def test_a_preview_says_how_the_file_would_be_read(
    client: RowcallClient, server: ScriptedServer, preview: Document
) -> None:
    server.answer(preview)

    seen = client.preview_batch(io.BytesIO(CSV), model="gender")

    assert server.requests[0].path == "/v1/batches?model=gender&dry_run=true"
    assert (seen.columns["Height (cm)"], seen.unused_columns, seen.delimiter) == ("height", ("name",), ";")
    assert (seen.sample_errors[0].row_number, seen.sample_errors[0].column) == (3, "Height (cm)")
    assert (seen.formula_cells, seen.estimated_rows, seen.estimated_seconds) == (2, 250_000, 81.0)
