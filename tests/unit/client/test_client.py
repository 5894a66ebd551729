"""The library: what it sends, what it returns, and when it tries again."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from rowcall_client import (
    AnswerNotUnderstood,
    ConnectionFailed,
    PredictionFailed,
    ProblemError,
    RowcallClient,
    RowOutput,
    Status,
    WaitTimedOut,
)

Document = dict[str, Any]
Make = Callable[..., Document]
Answer = httpx2.Response | Exception
ROW = {"height": 181, "weight": 80.5, "shoe_size": 44}


@dataclass
class Script:
    """Answers requests one after the other, and passes time without waiting."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    #: How long the server takes for each answer.
    answer_seconds: float = 0.0
    now: float = 0.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.now += self.answer_seconds
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    @property
    def preferences(self) -> list[str | None]:
        return [request.headers.get("Prefer") for request in self.requests]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def client(script: Script) -> Iterator[RowcallClient]:
    transport = httpx2.MockTransport(script)
    with RowcallClient(transport=transport, sleep=script.sleep, clock=lambda: script.now) as client:
        yield client


def answer(document: Any, status: int = 200, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json=document, headers=named)


def test_submit_sends_the_row_and_returns_the_queued_job(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(queue={"position": 12, "eta_seconds": 0.8}), 202)]

    prediction = client.submit(ROW)

    assert script.asked == ["POST /v1/predictions"]
    assert json.loads(script.requests[0].content) == {"input": ROW}
    assert script.preferences == [None]
    assert (prediction.id, prediction.status, prediction.output) == ("prd_1", Status.QUEUED, None)
    assert prediction.queue is not None
    assert (prediction.queue.position, prediction.queue.eta_seconds) == (12, 0.8)


def test_submit_names_model_version_and_deadline_when_they_are_given(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.answers = [answer(job(), 202)]

    client.submit([ROW], model="gender", version="2", cancel_after_seconds=9_000_000)

    assert json.loads(script.requests[0].content) == {"model": "gender", "version": "2", "input": [ROW]}
    assert script.requests[0].headers["Cancel-After"] == "9000000s"


def test_a_path_in_the_address_is_kept_as_a_prefix(script: Script, job: Make) -> None:
    script.answers = [answer(job())]
    client = RowcallClient("https://example.org/rowcall/", transport=httpx2.MockTransport(script))

    client.get("prd_1")

    assert str(script.requests[0].url) == "https://example.org/rowcall/v1/predictions/prd_1"


def test_an_id_cannot_lead_to_another_path(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job())]

    client.get("../models?x=1")

    assert script.requests[0].url.raw_path == b"/v1/predictions/..%2Fmodels%3Fx%3D1"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "", "http://example.org:port"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        RowcallClient(url)


def test_nan_is_refused_before_anything_is_sent(client: RowcallClient, script: Script) -> None:
    with pytest.raises(ValueError, match="JSON"):
        client.submit({"height": float("nan")})

    assert script.requests == []


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


def test_an_array_of_rows_brings_a_tuple_of_outputs_in_the_same_order(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [answer(succeeded_job(output=[{"prediction": 12.5}, {"prediction": 7}]))]

    prediction = client.predict([ROW, ROW])

    assert prediction.output == (RowOutput(12.5), RowOutput(7))
    assert prediction.row_outputs == prediction.output


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


def test_get_returns_a_failed_job_without_raising(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(status="failed"))]

    assert client.get("prd_1").status is Status.FAILED


def test_cancel_posts_to_the_job(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(status="canceled"))]

    prediction = client.cancel("prd_1")

    assert script.asked == ["POST /v1/predictions/prd_1/cancel"]
    assert prediction.status is Status.CANCELED


def test_durations_come_from_the_server_timing_header_in_seconds(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    timing = 'queue;dur=3.1, predict;dur=0.8, batch;desc="1"'
    script.answers = [answer(succeeded_job(), Server_Timing=timing)]

    times = client.get("prd_1").times

    assert times.queue_seconds == pytest.approx(0.0031)
    assert times.predict_seconds == pytest.approx(0.0008)


def test_durations_come_from_the_time_stamps_when_the_header_is_missing(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [answer(succeeded_job())]

    times = client.get("prd_1").times

    assert (times.queue_seconds, times.predict_seconds) == (0.25, 0.5)
    assert times.created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_members_that_this_client_does_not_know_stay_in_the_raw_document(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.answers = [answer(job(news="yes"))]

    prediction = client.get("prd_1")

    assert prediction.raw["news"] == "yes"


def test_models_are_listed_with_features_and_classes(
    client: RowcallClient, script: Script, model_document: Document
) -> None:
    script.answers = [answer({"object": "list", "data": [model_document]})]

    (model,) = client.models()

    assert (model.name, model.version, model.versions) == ("gender", "2", ("1", "2"))
    assert model.classes == ("female", "male")
    assert (model.features[0].unit, model.features[0].minimum, model.features[0].maximum) == ("cm", 100, 250)


def test_one_model_is_asked_for_by_name(client: RowcallClient, script: Script, model_document: Document) -> None:
    script.answers = [answer(model_document | {"classes": None})]

    model = client.model("gender")

    assert script.asked == ["GET /v1/models/gender"]
    assert model.metrics["accuracy"] == 0.83
    assert model.classes == ()


def test_a_problem_document_becomes_an_error_with_its_fields(
    client: RowcallClient, script: Script, problem: Make
) -> None:
    note = {"pointer": "/input/3/shoe~1size", "code": "out_of_range", "detail": "Too large."}
    script.answers = [answer(problem(422, "invalid_input", errors=[note]), 422)]

    with pytest.raises(ProblemError) as caught:
        client.submit([ROW])

    error = caught.value
    assert (error.status, error.code, error.detail) == (422, "invalid_input", "The detail.")
    assert (error.retryable, error.request_id) == (False, "req_7")
    assert (error.errors[0].place, error.errors[0].detail) == ("row 4, shoe/size", "Too large.")


def test_an_error_page_of_a_proxy_becomes_a_problem_with_its_status(client: RowcallClient, script: Script) -> None:
    script.answers = [httpx2.Response(413, text="<html>Too large</html>")]

    with pytest.raises(ProblemError) as caught:
        client.submit(ROW)

    assert (caught.value.status, caught.value.code) == (413, "http_413")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(httpx2.Response(200, text="<html>Welcome</html>"), id="a page"),
        pytest.param(httpx2.Response(200, json=["prd_1"]), id="JSON of another shape"),
        pytest.param(httpx2.Response(200, json={"id": "prd_1", "status": "COMPLETE"}), id="an unknown status"),
        pytest.param(httpx2.Response(302, headers={"Location": "/login"}), id="a redirect"),
    ],
)
def test_an_answer_of_another_service_is_recognized(
    client: RowcallClient, script: Script, other: httpx2.Response
) -> None:
    script.answers = [other]

    with pytest.raises(AnswerNotUnderstood, match="Check the address"):
        client.get("prd_1")


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
