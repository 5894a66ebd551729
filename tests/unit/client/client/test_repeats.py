"""When the library tries again: never where a job could be accepted twice."""

import uuid

import httpx2
import pytest

from rowcall_client import ConnectionFailed, ProblemError, Retries, RowcallClient
from tests.unit.client.client.conftest import ROW, Answer, Make, Script, answer


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_get_is_tried_again_after_a_passing_trouble(
    client: RowcallClient, script: Script, job: Make, status: int
) -> None:
    script.answers = [httpx2.Response(status), httpx2.Response(status), answer(job())]

    client.get("prd_1")

    assert script.pauses == [0.2, 0.4]


def test_a_get_is_given_up_after_three_tries(client: RowcallClient, script: Script, problem: Make) -> None:
    script.answers = [answer(problem(503, "store_unavailable", retryable=True), 503) for _ in range(3)]

    with pytest.raises(ProblemError, match="store_unavailable"):
        client.get("prd_1")

    assert len(script.requests) == 3


def test_a_get_is_tried_again_when_the_connection_breaks(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [httpx2.ReadError("reset"), answer(job())]

    client.get("prd_1")

    assert len(script.requests) == 2


@pytest.mark.parametrize(("luck", "pauses"), [(0.0, [0.1, 0.2]), (1.0, [0.2, 0.4])])
def test_pauses_differ_so_that_not_all_clients_come_back_at_once(
    client: RowcallClient, script: Script, job: Make, luck: float, pauses: list[float]
) -> None:
    script.luck = luck
    script.answers = [httpx2.Response(502), httpx2.Response(502), answer(job())]

    client.get("prd_1")

    assert script.pauses == pauses


@pytest.mark.parametrize(("luck", "pause"), [(0.0, 3.0), (1.0, 3.3)])
def test_retry_after_is_waited_for_and_at_most_a_tenth_longer(
    client: RowcallClient, script: Script, job: Make, problem: Make, luck: float, pause: float
) -> None:
    script.luck = luck
    refusal = problem(503, "store_unavailable", retryable=True)
    script.answers = [answer(refusal, 503, Retry_After="3"), answer(job(), 202)]

    client.submit(ROW)

    assert script.pauses == pytest.approx([pause])


def test_retry_after_may_be_a_date_by_the_clock_of_who_sent_it(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.luck = 0.0
    dates = {"Date": "Sun, 01 Mar 2026 12:00:00 GMT", "Retry_After": "Sun, 01 Mar 2026 12:00:04 GMT"}
    script.answers = [answer({}, 503, **dates), answer(job())]

    client.get("prd_1")

    assert script.pauses == [4.0]


def test_a_retry_after_that_is_neither_number_nor_date_is_ignored(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.answers = [answer({}, 503, Retry_After="soon"), answer(job())]

    client.get("prd_1")

    assert script.pauses == [0.2]


def test_how_often_and_how_patiently_can_be_said(script: Script, problem: Make) -> None:
    script.answers = [answer(problem(429, "overloaded", retryable=True), 429, Retry_After="60") for _ in range(5)]
    retries = Retries(max_tries=5, longest_pause_seconds=90)
    transport = httpx2.MockTransport(script)

    with (
        RowcallClient(transport=transport, sleep=script.sleep, chance=lambda: 0.0, retries=retries) as client,
        pytest.raises(ProblemError, match="overloaded"),
    ):
        client.submit(ROW)

    assert script.pauses == [60.0] * 4


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
        pytest.param(httpx2.Response(500, json={"code": "internal_error", "retryable": True}), id="a defect"),
        pytest.param(httpx2.Response(422, json={"code": "invalid_input", "retryable": False}), id="our fault"),
    ],
)
def test_what_would_be_refused_again_is_not_repeated(
    client: RowcallClient, script: Script, refusal: httpx2.Response
) -> None:
    script.answers = [refusal]

    with pytest.raises(ProblemError):
        client.submit(ROW)

    assert len(script.requests) == 1


each_doubt = pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ReadError("reset"),
        httpx2.ReadTimeout("late"),
        httpx2.RemoteProtocolError("closed"),
        httpx2.Response(503, text="<html>Unavailable</html>"),
        httpx2.Response(504, json={"code": "wait_timed_out", "retryable": True}),
    ],
    ids=repr,
)


@each_doubt
def test_a_submission_that_may_have_arrived_is_repeated_with_the_same_key(
    client: RowcallClient, script: Script, job: Make, trouble: Answer
) -> None:
    script.answers = [trouble, answer(job())]

    client.submit(ROW)

    first, second = (request.headers["Idempotency-Key"] for request in script.requests)
    assert first == second
    assert uuid.UUID(first).version == 4


def test_two_submissions_of_the_same_row_are_two_jobs(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(), 202), answer(job(), 202)]

    client.submit(ROW)
    client.submit(ROW)

    assert len({request.headers["Idempotency-Key"] for request in script.requests}) == 2


@each_doubt
def test_what_no_key_protects_is_never_repeated_when_it_may_have_arrived(
    client: RowcallClient, script: Script, trouble: Answer
) -> None:
    script.answers = [trouble]

    with pytest.raises((ConnectionFailed, ProblemError)):
        client.retry("prd_1")

    assert len(script.requests) == 1


def test_a_broken_connection_says_whether_the_request_may_have_arrived(client: RowcallClient, script: Script) -> None:
    script.answers = [httpx2.ReadError("reset")]

    with pytest.raises(ConnectionFailed, match="may have been accepted") as caught:
        client.retry("prd_1")

    assert caught.value.request_sent is True


def test_a_deletion_that_has_arrived_after_all_is_no_error(
    client: RowcallClient, script: Script, problem: Make
) -> None:
    script.answers = [httpx2.ReadError("reset"), answer(problem(410, "prediction_gone"), 410)]

    client.delete("prd_1")

    assert script.asked == ["DELETE /v1/predictions/prd_1"] * 2


def test_what_was_gone_before_cannot_be_deleted(client: RowcallClient, script: Script, problem: Make) -> None:
    script.answers = [httpx2.ConnectError("refused"), answer(problem(410, "prediction_gone"), 410)]

    with pytest.raises(ProblemError, match="prediction_gone"):
        client.delete("prd_1")


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
