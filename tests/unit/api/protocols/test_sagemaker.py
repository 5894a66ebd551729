"""What a client of the SageMaker Runtime gets."""

import pytest
from werkzeug.test import TestResponse

from shared.registry import ServedModel
from tests.builders import manifest, record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of

#: As botocore signs a request; nobody looks at it.
SIGNED = "AWS4-HMAC-SHA256 Credential=any/20261128/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


def invoke(
    api: Api, body: str = "181,44\n", *, content_type: str | None = "text/csv", name: str = "gender", **headers: str
) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named["Authorization"] = SIGNED
    return api.client.post(f"/endpoints/{name}/invocations", data=body, content_type=content_type, headers=named)


def error_of(response: TestResponse) -> tuple[int, str, str]:
    """Return the status, the exception that AWS clients raise, and our code."""
    document = document_of(response)
    assert document["message"] == document["detail"]
    return response.status_code, response.headers["X-Amzn-ErrorType"], document["code"]


def test_rows_are_answered_with_predictions_as_everywhere(api: Api) -> None:
    api.broker.outcome = success(rows=2)

    response = invoke(api, "181,44\n160,38\n")

    one = {"prediction": "male", "probabilities": {"female": 0.25, "male": 0.75}}
    assert document_of(response) == {"predictions": [one, one]}


def test_a_csv_without_a_header_has_the_features_in_order(api: Api) -> None:
    api.broker.outcome = success()

    invoke(api, "181,44\n")

    assert api.broker.sent[0][0].rows == [[181, 44]]


@pytest.mark.parametrize("accept", ["text/csv", "application/xml;q=0.1, text/csv;q=0.5"])
def test_an_answer_is_csv_where_that_is_accepted(api: Api, accept: str) -> None:
    api.broker.outcome = success()

    response = invoke(api, '{"height": 181, "shoe_size": 44}', content_type="application/json", Accept=accept)

    assert (response.mimetype, response.text) == ("text/csv", "male,0.25,0.75\n")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/json, text/csv;q=0.5"])
def test_an_answer_is_json_otherwise(api: Api, accept: str) -> None:
    api.broker.outcome = success()

    assert invoke(api, Accept=accept).mimetype == "application/json"


def test_a_variant_is_a_version(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(version=each), is_ready=True) for each in ("2", "1")])
    api.broker.outcome = success()

    response = invoke(api, X_Amzn_SageMaker_Target_Variant="1")

    assert response.headers["X-Amzn-Invoked-Production-Variant"] == "1"
    assert api.broker.sent[0][0].model.version == "1"


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "expected"),
    [
        pytest.param("1.81,44\n", "text/csv", {}, (422, "ValidationError", "invalid_input"), id="another unit"),
        pytest.param("{", "application/json", {}, (400, "ValidationError", "malformed_request"), id="no JSON"),
        pytest.param("x", "text/plain", {}, (415, "ValidationError", "unsupported_media_type"), id="another type"),
        pytest.param("x", None, {}, (415, "ValidationError", "unsupported_media_type"), id="no type"),
        pytest.param(
            "181,44\n",
            "text/csv",
            {"Accept": "application/xml"},
            (400, "ValidationError", "malformed_request"),
            id="an answer of another type",
        ),
        pytest.param(
            "181,44\n",
            "text/csv",
            {"X_Amzn_SageMaker_Target_Model": "other.tar.gz"},
            (400, "ValidationError", "malformed_request"),
            id="a part that only SageMaker has",
        ),
        pytest.param("181,44\n", "text/csv", {}, (504, "ModelError", "wait_timed_out"), id="too long"),
    ],
)
def test_a_faulty_request_raises_an_exception_that_aws_clients_know(
    api: Api, body: str, content_type: str | None, headers: dict[str, str], expected: tuple[int, str, str]
) -> None:
    assert error_of(invoke(api, body, content_type=content_type, **headers)) == expected


def test_an_endpoint_that_is_no_model_is_not_found(api: Api) -> None:
    assert error_of(invoke(api, name="gendre")) == (404, "ValidationError", "model_not_found")


def test_a_request_without_a_valid_key_is_denied_in_the_words_of_aws(make_api: ApiMaker) -> None:
    api = make_api(require_keys=True)

    assert error_of(invoke(api)) == (401, "AccessDeniedException", "key_required")


def test_what_a_client_says_besides_is_passed_over(api: Api) -> None:
    api.broker.outcome = success()

    response = invoke(api, X_Amzn_SageMaker_Custom_Attributes="trace=1", X_Amzn_SageMaker_Inference_Id="7")

    assert response.status_code == 200


def test_a_record_is_pointed_at_as_in_an_array(api: Api) -> None:
    response = api.client.post("/endpoints/gender/invocations", json=record(height=1.81))

    assert document_of(response)["errors"][0]["pointer"] == "/0/height"
