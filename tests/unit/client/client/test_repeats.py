"""When the library tries again: never where a job could be accepted twice."""

import httpx2
import pytest

from rowcall_client import ConnectionFailed, ProblemError, RowcallClient
from tests.unit.client.client.conftest import ROW, Make, Script, answer


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_get_is_tried_again_after_a_passing_trouble(
    client: RowcallClient, script: Script, job: Make, status: int
) -> None:
    script.answers = [httpx2.Response(status), httpx2.Response(status), answer(job())]

    client.get("prd_1")

    assert script.pauses == [0.2, 0.4]


def test_a_get_is_given_up_after_three_tries(client: RowcallClient, script: Script, problem: Make) -> None:
    script.answers = [answer(problem(503, "store_unavailable"), 503) for _ in range(3)]

    with pytest.raises(ProblemError, match="store_unavailable"):
        client.get("prd_1")

    assert len(script.requests) == 3


def test_a_get_is_tried_again_when_the_connection_breaks(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [httpx2.ReadError("reset"), answer(job())]

    client.get("prd_1")

    assert len(script.requests) == 2


def test_retry_after_replaces_the_own_pause(client: RowcallClient, script: Script, job: Make, problem: Make) -> None:
    refusal = problem(503, "broker_unavailable", retryable=True)
    script.answers = [answer(refusal, 503, Retry_After="3"), answer(job(), 202)]

    client.submit(ROW)

    assert script.pauses == [3.0]


def test_a_long_retry_after_is_left_to_the_caller(client: RowcallClient, script: Script, problem: Make) -> None:
    script.answers = [answer(problem(429, "overloaded", retryable=True), 429, Retry_After="60")]

    with pytest.raises(ProblemError) as caught:
        client.submit(ROW)

    assert caught.value.retry_after_seconds == 60.0
    assert script.pauses == []


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(httpx2.Response(503, json={"code": "store_full", "retryable": False}), id="not retryable"),
        pytest.param(httpx2.Response(503, text="<html>Unavailable</html>"), id="not of Rowcall"),
        pytest.param(httpx2.Response(500, json={"code": "internal_error", "retryable": True}), id="may have begun"),
    ],
)
def test_a_post_is_not_repeated_unless_the_server_invites_to(
    client: RowcallClient, script: Script, refusal: httpx2.Response
) -> None:
    script.answers = [refusal]

    with pytest.raises(ProblemError):
        client.submit(ROW)

    assert len(script.requests) == 1


@pytest.mark.parametrize(
    "trouble", [httpx2.ReadError("reset"), httpx2.ReadTimeout("late"), httpx2.RemoteProtocolError("closed")], ids=repr
)
def test_a_post_that_may_have_arrived_is_never_repeated(
    client: RowcallClient, script: Script, trouble: Exception
) -> None:
    script.answers = [trouble]

    with pytest.raises(ConnectionFailed, match="may have been accepted") as caught:
        client.submit(ROW)

    assert caught.value.request_sent is True
    assert len(script.requests) == 1


def test_a_post_that_could_not_be_sent_is_tried_again(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [httpx2.ConnectError("refused"), answer(job(), 202)]

    client.submit(ROW)

    assert len(script.requests) == 2


def test_a_server_that_is_away_is_reported_with_what_to_do(client: RowcallClient, script: Script) -> None:
    script.answers = [httpx2.ConnectError("[Errno 111] Connection refused") for _ in range(3)]

    with pytest.raises(ConnectionFailed) as caught:
        client.models()

    assert str(caught.value) == (
        "No server can be reached at http://127.0.0.1:8000 (Connection refused). "
        "Start one with `make up`, or name another with --url or ROWCALL_URL."
    )
