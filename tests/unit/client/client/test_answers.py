"""What the library makes of an answer: an object, or an error that says what came."""

from datetime import UTC, datetime

import httpx2
import pytest

from rowcall_client import AnswerNotUnderstood, ProblemError, RowcallClient, RowOutput, Status
from tests.unit.client.client.conftest import ROW, Document, Make, Script, answer


def test_an_array_of_rows_brings_a_tuple_of_outputs_in_the_same_order(
    client: RowcallClient, script: Script, succeeded_job: Make
) -> None:
    script.answers = [answer(succeeded_job(output=[{"prediction": 12.5}, {"prediction": 7}]))]

    prediction = client.predict([ROW, ROW])

    assert prediction.output == (RowOutput(12.5), RowOutput(7))
    assert prediction.row_outputs == prediction.output


def test_get_returns_a_failed_job_without_raising(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(status="failed"))]

    assert client.get("prd_1").status is Status.FAILED


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
