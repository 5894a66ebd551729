"""What a client of MLflow's scoring server gets."""

from typing import Any

import pytest
from mlflow.deployments import PredictionsResponse
from werkzeug.test import TestResponse

from api.version import VERSION
from shared.errors import StoreUnavailable
from shared.registry import ServedModel
from tests.builders import failure, manifest, record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of

CSV = "height,shoe_size\n181,44\n"


def invoke(api: Api, document: Any = None, *, path: str = "/invocations") -> TestResponse:
    return api.client.post(path, json={"dataframe_records": [record()]} if document is None else document)


def error_of(response: TestResponse) -> tuple[int, str, str]:
    """Return the status, MLflow's code, and ours, of an error in both shapes."""
    document = document_of(response)
    assert response.content_type == "application/json"
    assert document["message"] == document["detail"] == document["error"]
    return response.status_code, document["error_code"], document["code"]


def test_rows_are_answered_with_what_the_model_predicts(api: Api) -> None:
    api.broker.outcome = success(rows=2)

    response = invoke(api, {"instances": [record(), [160, 38]]})

    assert PredictionsResponse.from_json(response.text) == {"predictions": ["male", "male"]}  # type: ignore[no-untyped-call]


def test_probabilities_are_answered_to_a_client_that_asks_for_them(api: Api) -> None:
    api.broker.outcome = success()

    response = invoke(api, {"inputs": [record()], "params": {"pyfunc_predict_fn": "predict_proba"}})

    assert response.get_json() == {"predictions": [[0.25, 0.75]]}


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-8", "text/csv; charset=latin-1"])
def test_a_csv_is_taken(api: Api, content_type: str) -> None:
    api.broker.outcome = success()

    response = api.client.post("/invocations", data=CSV, content_type=content_type)

    assert response.get_json() == {"predictions": ["male"]}


@pytest.mark.parametrize(
    ("document", "status", "error_code", "code"),
    [
        pytest.param({}, 422, "INVALID_PARAMETER_VALUE", "invalid_input", id="no rows"),
        pytest.param({"inputs": []}, 422, "INVALID_PARAMETER_VALUE", "invalid_input", id="an empty array"),
        pytest.param(
            {"inputs": [record()], "params": {"temperature": 1}},
            422,
            "INVALID_PARAMETER_VALUE",
            "invalid_input",
            id="an unknown parameter",
        ),
        pytest.param(
            {"inputs": [record()], "params": {"pyfunc_predict_fn": "transform"}},
            422,
            "INVALID_PARAMETER_VALUE",
            "invalid_input",
            id="an unknown method",
        ),
    ],
)
def test_a_faulty_request_is_refused_in_the_shape_of_mlflow_and_in_ours(
    api: Api, document: Any, status: int, error_code: str, code: str
) -> None:
    assert error_of(invoke(api, document)) == (status, error_code, code)


def test_a_refused_value_is_pointed_at_where_the_client_sent_it(api: Api) -> None:
    response = invoke(api, {"dataframe_records": [record(), record(height=1.81)]})

    assert document_of(response)["errors"][0]["pointer"] == "/dataframe_records/1/height"


@pytest.mark.parametrize("content_type", ["text/plain", "application/json; charset=latin-1", ""])
def test_another_type_of_body_is_refused(api: Api, content_type: str) -> None:
    response = api.client.post("/invocations", data="{}", content_type=content_type)

    assert error_of(response) == (415, "BAD_REQUEST", "unsupported_media_type")


def test_a_model_without_classes_has_no_probabilities(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(classes=None), is_ready=True)])

    response = invoke(api, {"inputs": [record()], "params": {"pyfunc_predict_fn": "predict_proba"}})

    assert error_of(response)[0] == 422


def test_one_of_several_models_is_named_in_the_query(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(name=name), is_ready=True) for name in ("age", "gender")])
    api.broker.outcome = success()

    assert error_of(invoke(api)) == (404, "RESOURCE_DOES_NOT_EXIST", "model_not_found")
    assert invoke(api, path="/invocations?model=gender&version=1").status_code == 200
    assert [spec.model.name for (spec,) in api.broker.sent] == ["gender"]


def test_a_job_that_failed_is_an_error(api: Api) -> None:
    api.broker.outcome = failure()

    assert error_of(invoke(api)) == (422, "INVALID_PARAMETER_VALUE", "prediction_failed")


def test_a_job_that_takes_too_long_goes_on_and_the_error_says_where(api: Api) -> None:
    response = invoke(api)

    assert error_of(response) == (504, "INTERNAL_ERROR", "wait_timed_out")
    assert api.client.get(response.headers["Location"]).status_code == 200


def test_ping_says_that_jobs_would_be_answered(api: Api) -> None:
    assert api.client.get("/ping").status_code == 200


def test_ping_says_what_is_missing(api: Api) -> None:
    api.registry.fault = StoreUnavailable()

    response = api.client.get("/ping")

    assert (response.status_code, document_of(response)["code"]) == (503, "store_unavailable")


def test_the_version_is_text(api: Api) -> None:
    assert api.client.get("/version").text == VERSION
