"""A CSV file on its way down: streamed, taken up again where it broke, and named when it is whole."""

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rowcall_client import (
    AnswerNotUnderstood,
    DownloadBroken,
    ProblemError,
    RowcallClient,
)
from tests.unit.client.scripted_server import ScriptedServer, Time

Document = dict[str, Any]
Make = Callable[..., Document]
CSV = b"height,weight\n181,80\n165,60\n"
#: A file that takes several pieces.
LONG_CSV = b"height,weight\n" + b"181,80\n" * 60_000


def test_results_get_their_name_when_they_are_whole(
    client: RowcallClient, server: ScriptedServer, tmp_path: Path
) -> None:
    server.answer_file(LONG_CSV, ETag='"a"', X_Complete="true")
    target = tmp_path / "scored.csv"
    names: set[str] = set()

    downloaded = client.download_results(
        "bat_1", target, on_progress=lambda *_: names.update(path.name for path in tmp_path.iterdir())
    )

    assert server.requests[0].path == "/v1/batches/bat_1/results"
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert target.read_bytes() == LONG_CSV
    assert (downloaded.size_bytes, downloaded.is_complete) == (len(LONG_CSV), True)
    assert names == {"scored.csv.part"}
    assert [path.name for path in tmp_path.iterdir()] == ["scored.csv"]


def test_results_of_a_running_batch_are_not_taken_for_the_whole(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer_file(CSV, X_Complete="false")

    assert client.download_results("bat_1", io.BytesIO()).is_complete is False


def test_the_caller_is_told_how_much_has_arrived(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer_file(LONG_CSV)
    seen: list[tuple[int, int | None]] = []

    client.download_errors("bat_1", io.BytesIO(), on_progress=lambda received, total: seen.append((received, total)))

    assert server.requests[0].path == "/v1/batches/bat_1/errors"
    assert seen[-1] == (len(LONG_CSV), len(LONG_CSV))
    assert seen == sorted(seen)


def test_a_broken_download_goes_on_where_it_broke(
    client: RowcallClient, server: ScriptedServer, tmp_path: Path
) -> None:
    server.answer_file(LONG_CSV, cut_after=100_000, ETag='"a"')
    server.answer_file(LONG_CSV, cut_after=50_000, ETag='"a"')
    server.answer(b"", 503)
    server.answer_file(LONG_CSV, ETag='"a"')
    target = tmp_path / "scored.csv"

    client.download_results("bat_1", target)

    asked = [(request.headers.get("range"), request.headers.get("if-range")) for request in server.requests]
    assert asked == [
        (None, None),
        ("bytes=100000-", '"a"'),
        ("bytes=150000-", '"a"'),
        ("bytes=150000-", '"a"'),
    ]
    assert target.read_bytes() == LONG_CSV


def test_a_broken_download_goes_on_in_a_stream_as_well(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer_file(LONG_CSV, cut_after=100_000, ETag='"a"')
    server.answer_file(LONG_CSV, ETag='"a"')
    stream = io.BytesIO()

    client.download_results("bat_1", stream)

    assert stream.getvalue() == LONG_CSV


def test_a_server_that_sends_the_whole_again_is_heard_from_where_it_broke(
    client: RowcallClient, server: ScriptedServer
) -> None:
    server.answer_file(LONG_CSV, cut_after=100_000, ETag='"a"')
    server.answer_file(LONG_CSV, is_ranged=False, ETag='"a"')
    stream = io.BytesIO()

    client.download_results("bat_1", stream)

    assert stream.getvalue() == LONG_CSV


def test_a_file_that_has_changed_since_is_received_from_its_start(
    client: RowcallClient, server: ScriptedServer, tmp_path: Path
) -> None:
    server.answer_file(LONG_CSV, cut_after=100_000, ETag='"a"')
    server.answer_file(CSV, ETag='"b"')
    target = tmp_path / "scored.csv"

    client.download_results("bat_1", target)

    assert target.read_bytes() == CSV


def test_a_stream_cannot_take_back_what_has_changed_since(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer_file(LONG_CSV, cut_after=100_000, ETag='"a"')
    server.answer_file(CSV, ETag='"b"')

    with pytest.raises(DownloadBroken, match="100000 bytes"):
        client.download_results("bat_1", io.BytesIO())


def test_a_download_that_does_not_get_on_is_given_up_and_leaves_nothing(
    client: RowcallClient, server: ScriptedServer, time: Time, tmp_path: Path
) -> None:
    for _ in range(6):
        server.answer(b"", 503)

    with pytest.raises(ProblemError):
        client.download_results("bat_1", tmp_path / "scored.csv")

    assert time.pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_stays_as_it_is_when_the_download_fails(
    client: RowcallClient, server: ScriptedServer, problem: Make, tmp_path: Path
) -> None:
    target = tmp_path / "scored.csv"
    target.write_bytes(b"old")
    server.answer(problem(410, "batch_gone"), 410)

    with pytest.raises(ProblemError):
        client.download_results("bat_1", target)

    assert target.read_bytes() == b"old"


def test_a_range_that_was_not_asked_for_is_not_written(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer(b"late", 206, Content_Range="bytes 9-12/13")

    with pytest.raises(AnswerNotUnderstood):
        client.download_results("bat_1", io.BytesIO())


def test_a_download_passes_through_a_little_memory(
    client: RowcallClient, server: ScriptedServer, tmp_path: Path
) -> None:
    server.answer_file(LONG_CSV * 50)
    tracemalloc.start()

    downloaded = client.download_results("bat_1", tmp_path / "scored.csv")
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert downloaded.size_bytes > 20_000_000
    assert peak_bytes < 5_000_000
