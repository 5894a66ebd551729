"""Predictions become tensors that Triton's client reads."""

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferResult

from api.protocols.inference_answer import describe_model, make_answer
from api.protocols.inference_request import InferenceRequest, WantedOutput
from shared.jobs import ModelRef
from tests.builders import manifest
from tests.unit.api.protocols.conftest import MIXED

MODEL = ModelRef("gender", "1", "0" * 64)
PREDICTIONS = [
    {"prediction": "male", "probabilities": {"male": 0.75, "female": 0.25}},
    {"prediction": "female", "probabilities": {"female": 2 / 3, "male": 1 / 3}},
]


def asked(*outputs: WantedOutput, request_id: str | None = None) -> InferenceRequest:
    return InferenceRequest(request_id, [], list(outputs), None)


def answer_to(request: InferenceRequest) -> InferResult:
    body, length = make_answer(request, MODEL, PREDICTIONS, ("female", "male"))
    return InferenceServerClient.parse_response_body(body, header_length=length)


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
def test_a_client_reads_labels_and_probabilities_in_the_order_of_the_classes(is_binary: bool) -> None:
    result = answer_to(asked(WantedOutput("predict", is_binary), WantedOutput("predict_proba", is_binary)))

    assert [np.array(label).astype(str) for label in result.as_numpy("predict")] == ["male", "female"]
    assert result.as_numpy("predict_proba").tolist() == [[0.25, 0.75], [2 / 3, 1 / 3]]


def test_one_output_may_be_binary_and_another_json() -> None:
    result = answer_to(asked(WantedOutput("predict", is_binary=False), WantedOutput("predict_proba", is_binary=True)))

    assert result.as_numpy("predict").tolist() == ["male", "female"]
    assert result.as_numpy("predict_proba").tolist() == [[0.25, 0.75], [2 / 3, 1 / 3]]


def test_an_output_that_nobody_asked_for_is_not_answered() -> None:
    result = answer_to(asked(WantedOutput("predict_proba", is_binary=True)))

    assert result.get_output("predict") is None


@pytest.mark.parametrize("request_id", ["7", "", None])
def test_the_id_is_echoed_if_there_is_one(request_id: str | None) -> None:
    result = answer_to(asked(WantedOutput("predict", is_binary=True), request_id=request_id))

    assert result.get_response().get("id") == request_id


def test_the_answer_names_the_model_and_its_version() -> None:
    response = answer_to(asked(WantedOutput("predict", is_binary=False))).get_response()

    assert (response["model_name"], response["model_version"]) == ("gender", "1")


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
def test_a_model_without_classes_answers_numbers(is_binary: bool) -> None:
    body, length = make_answer(
        asked(WantedOutput("predict", is_binary)), MODEL, [{"prediction": 1.5}, {"prediction": 2}], None
    )

    result = InferenceServerClient.parse_response_body(body, header_length=length)
    assert result.as_numpy("predict").tolist() == [1.5, 2.0]


def test_a_model_takes_a_tensor_for_each_feature_and_says_its_datatype() -> None:
    described = describe_model(MIXED, ["2", "1"])

    assert (described["name"], described["versions"], described["platform"]) == ("churn", ["2", "1"], "sklearn")
    assert described["inputs"] == [
        {"name": "spend", "datatype": "FP64", "shape": [-1]},
        {"name": "age", "datatype": "INT64", "shape": [-1]},
        {"name": "plan", "datatype": "BYTES", "shape": [-1]},
    ]


@pytest.mark.parametrize(
    ("classes", "outputs"),
    [
        (("female", "male"), [("predict", "BYTES", [-1]), ("predict_proba", "FP64", [-1, 2])]),
        (None, [("predict", "FP64", [-1])]),
    ],
    ids=["classes", "a number"],
)
def test_a_model_says_what_it_answers(
    classes: tuple[str, ...] | None, outputs: list[tuple[str, str, list[int]]]
) -> None:
    described = describe_model(manifest(classes=classes), ["1"])

    assert [(one["name"], one["datatype"], one["shape"]) for one in described["outputs"]] == outputs
