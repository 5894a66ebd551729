"""Batches in the library: what their documents say, how they are watched, canceled and mended."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rowcall_client import (
    AnswerNotUnderstood,
    Batch,
    BatchNotFinished,
    BatchStatus,
    ConnectionFailed,
    Outcome,
    ProblemError,
    RowcallClient,
)
from tests.unit.client.scripted_server import ScriptedServer, Time, Troubled

Document = dict[str, Any]
Make = Callable[..., Document]
CSV = b"height,weight\n181,80\n165,60\n"


def test_a_batch_says_how_far_it_is(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch())

    seen = client.get_batch("bat_1")

    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/batches/bat_1")
    assert (seen.counts.total, seen.counts.done, seen.counts.pending) == (10, 4, 6)
    assert (seen.percent, seen.eta_seconds, seen.rows_per_second) == (40.0, 21.0, 7600.0)
    assert (seen.errors_by_code, seen.columns) == ({"not_a_number": 1}, {"Height (cm)": "height"})
    assert (seen.chunks.total, seen.chunks.done) == (5, 2)
    assert seen.urls["retry"] == "/v1/batches/bat_1/retry"


def test_what_was_written_on_a_batch_comes_back(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(metadata={"order": "4711"}))

    assert client.get_batch("bat_1").metadata == {"order": "4711"}


def test_a_batch_whose_size_is_not_known_yet_has_no_total(
    client: RowcallClient, server: ScriptedServer, batch: Make
) -> None:
    counts = {"total": None, "succeeded": 0, "failed": 0, "pending": None}
    server.answer(batch(counts=counts, percent=None, eta_seconds=None, rows_per_second=None))

    seen = client.get_batch("bat_1")

    assert (seen.counts.total, seen.counts.pending, seen.percent) == (None, None, None)


def test_a_document_that_is_no_batch_is_recognized(client: RowcallClient, server: ScriptedServer) -> None:
    server.answer({"id": "bat_1", "status": "COMPLETE"})

    with pytest.raises(AnswerNotUnderstood):
        client.get_batch("bat_1")


def test_a_wait_asks_ever_more_seldom_and_only_for_changes(
    client: RowcallClient, server: ScriptedServer, time: Time, batch: Make, completed_batch: Make
) -> None:
    server.answer(batch(), ETag='"a"')
    for _ in range(8):
        server.answer(b"", 304)
    server.answer(completed_batch(), ETag='"b"')
    seen: list[Batch] = []

    ended = client.wait_batch("bat_1", on_progress=seen.append)

    assert time.pauses[:3] == [0.5, 0.625, 0.78125]
    assert time.pauses[-2:] == [2.0, 2.0]
    assert [request.headers.get("if-none-match") for request in server.requests] == [None, *['"a"'] * 9]
    assert [batch.status for batch in seen] == ["running", "completed"]
    assert (ended.status, ended.outcome) == (BatchStatus.COMPLETED, Outcome.ALL_SUCCEEDED)


def test_a_small_file_is_waited_for_with_one_question(
    client: RowcallClient, server: ScriptedServer, time: Time, completed_batch: Make
) -> None:
    server.answer(completed_batch())

    client.wait_batch("bat_1")

    assert server.requests[0].headers["prefer"] == "wait=1"
    assert time.pauses == []


@pytest.mark.parametrize("status", ["failed", "canceled", "expired"])
def test_a_wait_returns_a_batch_however_it_ended(
    client: RowcallClient, server: ScriptedServer, batch: Make, status: str
) -> None:
    server.answer(batch(status=status, error={"code": "too_many_errors", "detail": "Too many rows are bad."}))

    ended = client.wait_batch("bat_1")

    assert ended.status.value == status
    assert ended.error is not None
    assert ended.error.code == "too_many_errors"


def test_a_wait_ends_at_its_limit_and_hands_over_the_batch(
    client: RowcallClient, server: ScriptedServer, time: Time, batch: Make
) -> None:
    server.answer(batch())
    server.answer(batch())
    server.answer(batch())

    with pytest.raises(BatchNotFinished, match="bat_1 is still running after 1 s") as caught:
        client.wait_batch("bat_1", timeout_seconds=1)

    assert time.now == 1.0
    assert caught.value.batch.counts.done == 4


def test_a_wait_sits_out_a_server_that_is_away(
    server: ScriptedServer, time: Time, batch: Make, completed_batch: Make
) -> None:
    server.answer(batch())
    for _ in range(3):
        server.answer(b"", 503, Retry_After="7")
    server.answer(completed_batch())
    transport = Troubled([httpx2.ReadError("reset"), httpx2.ConnectError("refused"), httpx2.ReadError("reset")])
    trouble: list[Exception] = []

    with RowcallClient(server.url, transport=transport, sleep=time.sleep, clock=lambda: time.now) as client:
        ended = client.wait_batch("bat_1", on_trouble=trouble.append)

    assert ended.status is BatchStatus.COMPLETED
    assert [type(error) for error in trouble] == [ConnectionFailed, ProblemError, ProblemError, ProblemError]


def test_a_wait_gives_up_when_the_server_stays_away(time: Time) -> None:
    transport = Troubled([httpx2.ConnectError("refused") for _ in range(1000)])

    with (
        RowcallClient(transport=transport, sleep=time.sleep, clock=lambda: time.now) as client,
        pytest.raises(ConnectionFailed),
    ):
        client.wait_batch("bat_1")

    assert 120 <= time.now < 130


def test_a_wait_for_a_batch_that_is_unknown_ends_at_once(
    client: RowcallClient, server: ScriptedServer, time: Time, problem: Make
) -> None:
    server.answer(problem(404, "batch_not_found"), 404)

    with pytest.raises(ProblemError, match="batch_not_found"):
        client.wait_batch("bat_9")

    assert time.pauses == []


def test_cancel_posts_to_the_batch(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)

    client.cancel_batch("bat_1")

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/batches/bat_1/cancel")


def test_mended_rows_are_sent_to_their_batch(client: RowcallClient, server: ScriptedServer, batch: Make) -> None:
    server.answer(batch(), 202)

    resumed = client.retry_batch("bat_1", io.BytesIO(CSV))

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/batches/bat_1/retry")
    assert server.requests[0].upload is not None
    assert server.requests[0].upload.start == CSV
    assert resumed.status is BatchStatus.RUNNING


def test_score_csv_does_it_all(
    client: RowcallClient, server: ScriptedServer, batch: Make, completed_batch: Make, tmp_path: Path
) -> None:
    server.answer(batch(status="queued"), 202)
    server.answer(batch())
    server.answer(completed_batch())
    server.answer_file(CSV)
    target = tmp_path / "scored.csv"
    seen: list[Batch] = []

    ended = client.score_csv(io.BytesIO(CSV), target, on_progress=seen.append, model="gender")

    assert [request.method for request in server.requests] == ["POST", "GET", "GET", "GET"]
    assert [batch.counts.done for batch in seen] == [4, 10]
    assert ended.is_flawless
    assert target.read_bytes() == CSV


def test_score_csv_asks_for_no_results_of_a_batch_that_did_no_row(
    client: RowcallClient, server: ScriptedServer, batch: Make, tmp_path: Path
) -> None:
    counts = {"total": 10, "succeeded": 0, "failed": 0, "pending": 10}
    server.answer(batch(status="queued", counts=counts), 202)
    server.answer(batch(status="failed", outcome="none", counts=counts))

    ended = client.score_csv(io.BytesIO(CSV), tmp_path / "scored.csv")

    assert (ended.status, ended.outcome) == (BatchStatus.FAILED, Outcome.NONE)
    assert list(tmp_path.iterdir()) == []
