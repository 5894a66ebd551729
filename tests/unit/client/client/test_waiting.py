"""How the library waits for a job: with pauses, up to a limit, until it ends."""

import pytest

from rowcall_client import PredictionFailed, RowcallClient, RowOutput, Status, WaitTimedOut
from tests.unit.client.client.conftest import ROW, Make, Script, answer


def test_predict_returns_the_output_of_a_job_that_finished_within_the_first_answer(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [answer(succeeded_job())]

    prediction = client.predict(ROW, wait_seconds=8)

    assert script.preferences == ["wait=8"]
    assert prediction.output == RowOutput("male", {"female": 0.03, "male": 0.97})


def test_predict_keeps_waiting_for_a_job_that_was_only_accepted(
    client: RowcallClient, script: Script, job: Make, succeeded_job: Make
) -> None:
    script.answer_seconds = 20
    script.answers = [answer(job(), 202), answer(job(status="running")), answer(succeeded_job())]

    client.predict(ROW, wait_seconds=50)

    assert script.asked == ["POST /v1/predictions", "GET /v1/predictions/prd_1", "GET /v1/predictions/prd_1"]
    assert script.preferences == ["wait=20", "wait=20", "wait=10"]
    assert script.pauses == []


def test_an_answer_that_was_not_held_back_is_followed_by_the_pause_it_asks_for(
    client: RowcallClient, script: Script, job: Make, succeeded_job: Make
) -> None:
    script.answers = [answer(job(), Retry_After="2"), answer(succeeded_job())]

    client.wait("prd_1", timeout_seconds=10)

    assert script.pauses == [2.0]


def test_an_early_answer_is_followed_by_a_pause_even_when_it_asks_for_none(
    client: RowcallClient, script: Script, job: Make, succeeded_job: Make
) -> None:
    script.answers = [answer(job()), answer(succeeded_job())]

    client.wait("prd_1", timeout_seconds=10)

    assert script.pauses == [0.5]


def test_a_wait_ends_at_its_limit_and_hands_over_the_job_as_it_is(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.answer_seconds = 20
    script.answers = [answer(job()), answer(job(status="running"))]

    with pytest.raises(WaitTimedOut, match="prd_1 is still running after 25 s") as caught:
        client.wait("prd_1", timeout_seconds=25)

    assert script.preferences == ["wait=20", "wait=5"]
    assert caught.value.prediction.status is Status.RUNNING


def test_a_wait_looks_once_more_after_its_last_pause(
    client: RowcallClient, script: Script, job: Make, succeeded_job: Make
) -> None:
    script.answers = [answer(job(), Retry_After="30"), answer(succeeded_job())]

    prediction = client.wait("prd_1", timeout_seconds=3)

    assert script.pauses == [3.0]
    assert prediction.status is Status.SUCCEEDED


def test_a_held_back_answer_has_a_longer_time_limit_than_others(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [answer(succeeded_job())]

    client.wait("prd_1", timeout_seconds=300)

    assert script.requests[0].extensions["timeout"] == {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("failed", "prd_1 failed: It broke."),
        ("canceled", "prd_1 was canceled: It broke."),
        ("expired", "prd_1 expired before it was finished: It broke."),
    ],
)
def test_waiting_for_a_job_that_ends_without_output_raises(
    client: RowcallClient, script: Script, job: Make, status: str, sentence: str
) -> None:
    note = {"pointer": "/input/3", "code": "prediction_failed", "detail": "Row is odd."}
    error = {"code": "prediction_failed", "detail": "It broke.", "errors": [note]}
    script.answers = [answer(job(status=status, error=error))]

    with pytest.raises(PredictionFailed) as caught:
        client.wait("prd_1")

    assert str(caught.value) == sentence
    assert caught.value.prediction.error is not None
    assert caught.value.prediction.error.errors[0].place == "row 4"
