"""Requests of the Open Inference Protocol become records of a model, or are refused with what to send."""

from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

from api.protocols.inference_request import WantedOutput, read_request
from shared.errors import RequestMalformed
from tests.builders import manifest
from tests.unit.api.protocols.conftest import MIXED, infer_body, read, refusal, tensor

BOTH = [WantedOutput("predict", is_binary=False), WantedOutput("predict_proba", is_binary=False)]


def numpy_input(name: str, values: Any, datatype: str, *, is_binary: bool) -> InferInput:
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=is_binary)
    return made


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT16"])
def test_a_table_has_the_features_as_its_columns(datatype: str, is_binary: bool) -> None:
    kinds = {"FP32": np.float32, "FP64": np.float64, "INT16": np.int16}
    values = np.array([[181, 44], [160, 38]], dtype=kinds[datatype])
    body, length = InferenceServerClient.generate_request_body(
        [numpy_input("any name", values, datatype, is_binary=is_binary)]
    )

    asked = read(body, length)

    assert asked.records == [{"height": 181, "shoe_size": 44}, {"height": 160, "shoe_size": 38}]


@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
@pytest.mark.parametrize("shape", [(2,), (2, 1)], ids=["rows", "a column"])
def test_a_tensor_for_each_feature_may_have_its_own_datatype_and_place(shape: tuple[int, ...], is_binary: bool) -> None:
    plan = np.array([b"pro", b"basic"], dtype=np.object_).reshape(shape)
    age = np.array([42, 43], dtype=np.int64).reshape(shape)
    spend = np.array([19.9, 5], dtype=np.float64).reshape(shape)
    inputs = [
        numpy_input("plan", plan, "BYTES", is_binary=is_binary),
        numpy_input("age", age, "INT64", is_binary=is_binary),
        numpy_input("spend", spend, "FP64", is_binary=is_binary),
    ]
    body, length = InferenceServerClient.generate_request_body(inputs)

    asked = read(body, length, MIXED)

    assert asked.records == [{"plan": "pro", "age": 42, "spend": 19.9}, {"plan": "basic", "age": 43, "spend": 5}]


def test_binary_tensors_and_json_may_stand_side_by_side() -> None:
    height = numpy_input("height", np.array([181.0]), "FP64", is_binary=True)
    shoe_size = numpy_input("shoe_size", np.array([44.0]), "FP64", is_binary=False)

    asked = read(*InferenceServerClient.generate_request_body([shoe_size, height]))

    assert asked.records == [{"height": 181, "shoe_size": 44}]


def test_a_value_of_half_the_precision_is_taken_for_the_number_that_it_is() -> None:
    values = np.array([[181.3, 44.1]], dtype=np.float32)

    asked = read(*InferenceServerClient.generate_request_body([numpy_input("x", values, "FP32", is_binary=True)]))

    assert asked.records == [{"height": float(np.float32(181.3)), "shoe_size": float(np.float32(44.1))}]


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_the_only_feature_needs_no_name(shape: tuple[int, ...]) -> None:
    model = manifest(features=manifest().features[:1])

    assert read(infer_body(tensor("x", shape, data=[181, 160])), model=model).records == [
        {"height": 181},
        {"height": 160},
    ]


@pytest.mark.parametrize(
    ("inputs", "pointer", "hint"),
    [
        pytest.param([], "/inputs", "one tensor of [rows, features]", id="none"),
        pytest.param([tensor(shape=[1, 3], data=[1, 2, 3])], "/inputs/0/name", "[rows, 2]", id="another width"),
        pytest.param([tensor(shape=[2], data=[1, 2])], "/inputs/0/name", "(height, shoe_size)", id="a bare row"),
        pytest.param(
            [tensor("heigth", [1], data=[1]), tensor("shoe_size", [1], data=[2])],
            "/inputs/0/name",
            "did you mean 'height'?",
            id="a misspelled name",
        ),
        pytest.param([tensor("height", [1], data=[1])], "/inputs", "no tensor for shoe_size", id="a missing feature"),
        pytest.param(
            [tensor("height", [1], data=[1]), tensor("height", [1], data=[1])], "/inputs/1/name", "two", id="a twin"
        ),
        pytest.param(
            [tensor("height", [2], data=[1, 2]), tensor("shoe_size", [1], data=[1])],
            "/inputs/1/shape",
            "'shoe_size' has 1 rows, 'height' has 2",
            id="different numbers of rows",
        ),
        pytest.param(
            [tensor("height", [1, 2], data=[1, 2]), tensor("shoe_size", [1], data=[1])],
            "/inputs/0/shape",
            "has the shape [1, 2]",
            id="a wide tensor among others",
        ),
        pytest.param([tensor(shape=[0, 2], data=[])], "/inputs/0/shape", "1 to 1000 rows", id="no rows"),
        pytest.param([tensor(shape=[1001, 2], data=[])], "/inputs/0/shape", "not 1001", id="too many rows"),
        pytest.param([tensor()], "/inputs/0/data", "is an array", id="no data"),
        pytest.param([{"shape": [1, 2]}], "/inputs/0", "an object with name", id="no name"),
        pytest.param([tensor("x" * 129)], "/inputs/0", "128 characters", id="a long name"),
        pytest.param([7], "/inputs/0", "an object with name", id="no object"),
        pytest.param([tensor(datatype="BOOL")], "/inputs/0/datatype", "UINT8", id="booleans"),
        pytest.param(
            [tensor(parameters={"shared_memory_region": "r"})],
            "/inputs/0/parameters",
            "not supported",
            id="shared memory",
        ),
        pytest.param(
            [tensor(parameters={"binary_data_size": 16}, data=[1, 2])],
            "/inputs/0/parameters",
            "without data",
            id="data twice",
        ),
        pytest.param(
            [tensor(parameters={"binary_data_size": -8})], "/inputs/0/parameters", "number of bytes", id="a bad size"
        ),
        pytest.param([tensor(parameters=[])], "/inputs/0/parameters", "an object", id="parameters of another kind"),
    ],
)
def test_inputs_that_are_no_rows_of_the_model_are_refused_with_what_to_send(
    inputs: list[Any], pointer: str, hint: str
) -> None:
    found = refusal(lambda: read(infer_body(*inputs)))

    assert found[0] == pointer
    assert hint in found[1]


@pytest.mark.parametrize(
    ("size", "behind", "hint"),
    [
        pytest.param(24, b"\0" * 24, "24 bytes; FP64 [1, 2] has 16", id="more than the shape has"),
        pytest.param(16, b"\0" * 8, "8 bytes are left", id="more than there is"),
        pytest.param(16, b"\0" * 20, "4 bytes behind the JSON belong to no tensor", id="bytes left over"),
    ],
)
def test_binary_data_of_another_size_is_refused(size: int, behind: bytes, hint: str) -> None:
    head = infer_body(tensor(parameters={"binary_data_size": size}))

    assert hint in refusal(lambda: read(head + behind, len(head)))[1]


@pytest.mark.parametrize("length", ["-1", "x", "9999", "", "\u0663", "9" * 5_000, "0" * 5_000])
def test_a_header_length_that_cannot_be_is_malformed(length: str) -> None:
    with pytest.raises(RequestMalformed, match="length of the JSON"):
        read_request(infer_body(tensor(data=[1, 2])), length, manifest(), max_rows=10)


@pytest.mark.parametrize("body", [b"", b"{", b'{"inputs": [NaN]}', b"\xff"])
def test_a_body_that_is_no_json_is_malformed_with_a_hint_at_binary_tensors(body: bytes) -> None:
    with pytest.raises(RequestMalformed, match="Inference-Header-Content-Length"):
        read(body)


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": 7}, "/id"),
        ({"parameters": []}, "/parameters"),
        ({"outputs": "predict"}, "/outputs"),
        ({"outputs": [{"name": "classes"}]}, "/outputs/0/name"),
        ({"outputs": ["predict"]}, "/outputs/0/name"),
        ({"outputs": [{"name": "predict", "parameters": {"classification": 1}}]}, "/outputs/0/parameters"),
        ({"parameters": {"timeout": 0}}, "/parameters/timeout"),
        ({"parameters": {"timeout": "1"}}, "/parameters/timeout"),
    ],
)
def test_members_of_another_kind_are_refused(members: dict[str, Any], pointer: str) -> None:
    assert refusal(lambda: read(infer_body(tensor(data=[1, 2]), **members)))[0] == pointer


@pytest.mark.parametrize("body", [b"[]", b"7", b"null"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert "send an object" in refusal(lambda: read(body))[1]


def test_everything_is_answered_unless_the_client_chooses() -> None:
    assert read(infer_body(tensor(data=[1, 2]))).outputs == BOTH


def test_a_model_without_classes_has_no_probabilities() -> None:
    asked = read(infer_body(tensor(data=[1, 2])), model=manifest(classes=None))

    assert asked.outputs == BOTH[:1]


def test_the_client_chooses_outputs_and_which_of_them_are_binary() -> None:
    outputs = [InferRequestedOutput("predict_proba"), InferRequestedOutput("predict", binary_data=False)]
    values = np.array([[181, 44]], dtype=np.float64)
    body, length = InferenceServerClient.generate_request_body(
        [numpy_input("x", values, "FP64", is_binary=True)], outputs=outputs
    )

    assert read(body, length).outputs == [
        WantedOutput("predict_proba", is_binary=True),
        WantedOutput("predict", is_binary=False),
    ]


def test_one_parameter_makes_all_outputs_binary() -> None:
    asked = read(infer_body(tensor(data=[1, 2]), parameters={"binary_data_output": True}))

    assert [output.is_binary for output in asked.outputs] == [True, True]


def test_the_id_and_the_patience_of_the_client_are_kept_and_other_parameters_passed_over() -> None:
    asked = read(infer_body(tensor(data=[1, 2]), id="7", parameters={"timeout": 2_500_000, "priority": 3}))

    assert (asked.id, asked.timeout_seconds) == ("7", 2.5)
