"""What a client sees that asks for a prediction and waits: the bare output, or a problem."""

import pytest

from shared.job_errors import JobErrorCode
from shared.jobs import JobError, JobStatus, Outcome
from tests.builders import record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of
from tests.unit.api.predictions.conftest import pointers_and_codes, two_versions


def test_predict_answers_the_bare_output(api: Api) -> None:
    api.broker.outcome = success()

    response = api.predict()

    assert response.status_code == 200
    assert document_of(response) == {"prediction": "male", "probabilities": {"female": 0.25, "male": 0.75}}


def test_predict_answers_an_array_with_an_array(api: Api) -> None:
    api.broker.outcome = Outcome(JobStatus.SUCCEEDED, [{"prediction": "male"}, {"prediction": "female"}])

    response = api.predict([record(), record(height=160)])

    assert response.get_json() == [{"prediction": "male"}, {"prediction": "female"}]


def test_predict_says_where_the_job_is_and_where_its_time_went(api: Api) -> None:
    api.broker.outcome = success()

    response = api.predict()

    assert api.client.get(response.headers["Location"]).status_code == 200
    assert response.headers["Server-Timing"] == 'queue;dur=0.0, predict;dur=1.0, batch;desc="1"'


@pytest.mark.parametrize(
    ("query", "version"),
    [pytest.param("", "2", id="the newest unless named"), pytest.param("?version=1", "1", id="an older one by name")],
)
def test_predict_takes_the_version_from_the_query(make_api: ApiMaker, query: str, version: str) -> None:
    api = make_api(models=two_versions())
    api.broker.outcome = success()

    api.predict(path=f"gender/predict{query}")

    assert api.broker.sent[0][0].model.version == version


@pytest.mark.parametrize("path", ["gendre/predict", "gender/predict?version=7"], ids=["model", "version"])
def test_predict_with_a_model_that_is_not_served_is_not_found(api: Api, path: str) -> None:
    response = api.predict(path=path)

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(record(height=1.81), ("/height", "out_of_range"), id="one record"),
        pytest.param([record(), record(height=1.81)], ("/1/height", "out_of_range"), id="an array"),
        pytest.param([], ("", "row_count"), id="no records"),
        pytest.param(5, ("", "wrong_type"), id="no record"),
        pytest.param({"input": record()}, ("/height", "missing_value"), id="the body of a submission"),
    ],
)
def test_pointers_of_predict_start_at_the_bare_record(api: Api, body: object, expected: tuple[str, str]) -> None:
    response = api.predict(body)

    assert response.status_code == 422
    assert pointers_and_codes(document_of(response))[0] == expected


@pytest.mark.parametrize(
    ("code", "job_status", "status", "retryable"),
    [
        pytest.param(JobErrorCode.PREDICTION_FAILED, JobStatus.FAILED, 422, False, id="prediction_failed"),
        pytest.param(JobErrorCode.OUTPUT_INVALID, JobStatus.FAILED, 422, False, id="output_invalid"),
        pytest.param(JobErrorCode.WORKER_DIED, JobStatus.FAILED, 500, False, id="worker_died"),
        pytest.param(JobErrorCode.MODEL_UNAVAILABLE, JobStatus.FAILED, 503, True, id="model_unavailable"),
        pytest.param(JobErrorCode.DEADLINE_PASSED, JobStatus.EXPIRED, 504, True, id="deadline_passed"),
        pytest.param(JobErrorCode.CANCELED, JobStatus.CANCELED, 409, False, id="canceled"),
    ],
)
def test_predict_answers_a_job_without_output_as_a_problem(
    api: Api, code: JobErrorCode, job_status: JobStatus, status: int, *, retryable: bool
) -> None:
    api.broker.outcome = Outcome(job_status, error=JobError(code, "this is why"))

    response = api.predict()

    document = document_of(response)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert (document["code"], document["detail"], document["retryable"]) == (code, "this is why", retryable)
    assert document["job_id"] == api.broker.sent[0][0].id


def test_predict_says_when_to_come_back_for_an_unavailable_model(api: Api) -> None:
    api.broker.outcome = Outcome(JobStatus.FAILED, error=JobError(JobErrorCode.MODEL_UNAVAILABLE, "no worker has it"))

    response = api.predict()

    assert response.status_code == 503
    assert "Retry-After" in response.headers


def test_predict_that_is_not_finished_in_time_answers_with_the_url_of_the_job(api: Api) -> None:
    response = api.predict()

    document = document_of(response)
    url = f"/v1/predictions/{document['job_id']}"
    assert (response.status_code, document["code"], document["retryable"]) == (504, "wait_timed_out", True)
    assert response.headers["Location"] == url
    assert url in document["detail"]


def test_a_job_of_predict_lives_on_after_the_time_out(api: Api) -> None:
    response = api.predict()

    assert document_of(api.client.get(response.headers["Location"]))["status"] == "queued"


def test_predict_looks_up_an_output_that_is_too_large_to_be_told(api: Api) -> None:
    api.broker.outcome = success()
    api.broker.tell = lambda ends: api.waiters.tell(dict.fromkeys(ends))

    response = api.predict(headers={"Prefer": "wait=5"})

    assert (response.status_code, document_of(response)["prediction"]) == (200, "male")


def test_beyond_the_most_waiting_requests_predict_answers_with_the_job(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)

    with api.waiters.room():
        response = api.predict()

    assert (response.status_code, document_of(response)["object"]) == (202, "prediction")
    assert (response.headers["Location"], response.headers["Retry-After"]) == (
        document_of(response)["urls"]["get"],
        "1",
    )


def test_a_request_that_waited_gives_its_place_back(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    api.broker.outcome = success()
    api.predict()

    assert api.predict().status_code == 200
