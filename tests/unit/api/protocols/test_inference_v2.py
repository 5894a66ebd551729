"""What a client of the Open Inference Protocol gets: tensors, or an error that its libraries show."""

import gzip
import struct
from typing import Any

import pytest
from tritonclient.http import InferenceServerClient
from werkzeug.test import TestResponse

from shared.errors import StoreUnavailable
from shared.job_errors import JobErrorCode
from shared.jobs import JobError, JobStatus, Outcome
from shared.registry import ServedModel
from tests.builders import manifest, success
from tests.unit.api.conftest import Api, ApiMaker, StoreAway, document_of
from tests.unit.api.protocols.conftest import infer_body, tensor

GOOD = infer_body(tensor(data=[181, 44]))
INFER = "/v2/models/gender/infer"


def infer(api: Api, body: bytes = GOOD, *, path: str = INFER, **headers: str) -> TestResponse:
    """Ask as Triton's client does: without a content type."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.post(path, data=body, headers=named)


def error_of(response: TestResponse) -> tuple[int, str, str]:
    """Return the status, the code, and the text that a client shows."""
    assert response.content_type == "application/json"
    document = document_of(response)
    return response.status_code, document["code"], document["error"]


def test_rows_are_answered_with_tensors(api: Api) -> None:
    api.broker.outcome = success(rows=2)

    response = infer(api, infer_body(tensor(shape=[2, 2], data=[[181, 44], [160, 38]]), id="7"))

    assert response.status_code == 200
    assert document_of(response) == {
        "model_name": "gender",
        "model_version": "1",
        "id": "7",
        "outputs": [
            {"name": "predict", "shape": [2], "datatype": "BYTES", "data": ["male", "male"]},
            {"name": "predict_proba", "shape": [2, 2], "datatype": "FP64", "data": [0.25, 0.75, 0.25, 0.75]},
        ],
    }


def test_the_job_holds_the_rows_in_the_order_of_the_features(api: Api) -> None:
    api.broker.outcome = success()

    infer(api, infer_body(tensor("shoe_size", [1], data=[44]), tensor("height", [1], data=[181])))

    assert api.broker.sent[0][0].rows == [[181, 44]]


def test_binary_outputs_stand_behind_their_json(api: Api) -> None:
    api.broker.outcome = success()

    response = infer(api, infer_body(tensor(data=[181, 44]), parameters={"binary_data_output": True}))

    length = int(response.headers["Inference-Header-Content-Length"])
    result = InferenceServerClient.parse_response_body(response.data, header_length=length)
    assert response.content_type == "application/octet-stream"
    assert result.as_numpy("predict_proba").tolist() == [[0.25, 0.75]]


def test_an_answer_says_where_its_job_is(api: Api) -> None:
    api.broker.outcome = success()

    location = infer(api).headers["Location"]

    assert document_of(api.client.get(location))["status"] == "succeeded"


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/json"])
def test_a_body_is_read_whatever_it_is_called(api: Api, content_type: str) -> None:
    api.broker.outcome = success()

    assert infer(api, Content_Type=content_type).status_code == 200


def test_a_packed_body_is_unpacked(api: Api) -> None:
    api.broker.outcome = success()

    assert infer(api, gzip.compress(GOOD), Content_Encoding="gzip").status_code == 200


@pytest.mark.parametrize(
    ("path", "version"),
    [("gender", "2"), ("gender/versions/1", "1"), ("gender/versions/2", "2")],
    ids=["the newest unless named", "an older one", "the newest"],
)
def test_the_path_names_the_version(make_api: ApiMaker, path: str, version: str) -> None:
    api = make_api(models=[ServedModel(manifest(version=each), is_ready=True) for each in ("2", "1")])
    api.broker.outcome = success()

    response = infer(api, path=f"/v2/models/{path}/infer")

    assert document_of(response)["model_version"] == version


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "text"),
    [
        pytest.param(b"{", {}, 400, "malformed_request", "not JSON", id="no JSON"),
        pytest.param(
            GOOD, {"Content_Encoding": "br"}, 400, "malformed_request", "gzip or deflate", id="packed in another way"
        ),
        pytest.param(
            gzip.compress(b" " * 2_000_000),
            {"Content_Encoding": "gzip"},
            413,
            "body_too_large",
            "larger than",
            id="too large unpacked",
        ),
        pytest.param(b" " * 1_100_000, {}, 413, "body_too_large", "larger than", id="too large"),
        pytest.param(
            infer_body(tensor(data=[1.81, 44])), {}, 422, "invalid_input", "send centimetres (181)", id="another unit"
        ),
        pytest.param(
            infer_body(tensor(shape=[1, 3], data=[1, 2, 3])), {}, 422, "invalid_input", "[rows, 2]", id="another width"
        ),
        pytest.param(GOOD, {"Cancel_After": "soon"}, 400, "malformed_request", "90s", id="a bad header"),
    ],
)
def test_a_faulty_request_is_refused_with_an_error_that_clients_show(
    api: Api, body: bytes, headers: dict[str, str], status: int, code: str, text: str
) -> None:
    found = error_of(infer(api, body, **headers))

    assert found[:2] == (status, code)
    assert text in found[2]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_none_are_refused_though_bytes_can_hold_them(api: Api, number: float) -> None:
    head = infer_body(tensor(parameters={"binary_data_size": 16}))

    response = infer(api, head + struct.pack("<2d", 181, number), Inference_Header_Content_Length=str(len(head)))

    assert error_of(response) == (422, "invalid_input", "/0/shoe_size: send a finite number that fits 64 bits")


@pytest.mark.parametrize("path", ["/v2/models/gendre/infer", "/v2/models/gender/versions/7/infer"])
def test_a_model_that_is_not_served_is_not_found(api: Api, path: str) -> None:
    assert error_of(infer(api, path=path))[:2] == (404, "model_not_found")


@pytest.mark.parametrize(("code", "status"), [(JobErrorCode.PREDICTION_FAILED, 422), (JobErrorCode.WORKER_DIED, 500)])
def test_a_job_that_failed_is_an_error(api: Api, code: JobErrorCode, status: int) -> None:
    api.broker.outcome = Outcome(JobStatus.FAILED, error=JobError(code, "the model raised ValueError"))

    assert error_of(infer(api)) == (status, code.value, "the model raised ValueError")


def test_a_job_that_takes_too_long_goes_on_and_the_error_says_where(api: Api) -> None:
    response = infer(api)

    assert error_of(response)[:2] == (504, "wait_timed_out")
    assert document_of(api.client.get(response.headers["Location"]))["status"] == "queued"


def test_the_client_says_how_long_it_waits(api: Api) -> None:
    response = infer(api, infer_body(tensor(data=[181, 44]), parameters={"timeout": 1_000}))

    assert "after 0.001 s" in error_of(response)[2]


def test_a_wait_is_never_longer_than_the_longest_one_granted(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=0.06)

    response = infer(api, infer_body(tensor(data=[181, 44]), parameters={"timeout": 10**15}))

    assert "after 0.06 s" in error_of(response)[2]


def test_nothing_is_taken_on_when_too_many_wait_already(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    with api.waiters.room():
        response = infer(api)

    assert error_of(response)[:2] == (503, "no_place_to_wait")
    assert response.headers["Retry-After"] == "2"
    assert api.jobs._records == {}


def test_an_outage_of_the_store_is_an_error_that_may_pass(make_api: ApiMaker) -> None:
    response = infer(make_api(StoreAway))

    assert error_of(response)[:2] == (503, "store_unavailable")
    assert response.headers["Retry-After"] == "2"


def get(api: Api, path: str) -> tuple[int, Any]:
    response = api.client.get(path)
    return response.status_code, response.get_json()


def test_the_server_says_which_extensions_it_has(api: Api) -> None:
    status, document = get(api, "/v2")

    assert (status, document["name"], document["extensions"]) == (200, "rowcall", ["binary_tensor_data"])


def test_the_process_is_live_and_ready(api: Api) -> None:
    assert get(api, "/v2/health/live") == (200, {"live": True})
    assert get(api, "/v2/health/ready") == (200, {"ready": True})


def test_it_is_not_ready_while_the_store_is_away(api: Api) -> None:
    api.registry.fault = StoreUnavailable()

    status, document = get(api, "/v2/health/ready")

    assert (status, document["ready"], document["code"]) == (503, False, "store_unavailable")


@pytest.mark.parametrize("path", ["/v2/models/gender", "/v2/models/gender/versions/1"])
def test_a_model_is_described(api: Api, path: str) -> None:
    status, document = get(api, path)

    assert (status, document["name"], document["versions"]) == (200, "gender", ["1"])


@pytest.mark.parametrize("path", ["/v2/models/gender/ready", "/v2/models/gender/versions/1/ready"])
@pytest.mark.parametrize(("is_ready", "status"), [(True, 200), (False, 503)], ids=["held", "not held"])
def test_a_model_is_ready_while_a_live_worker_holds_it(
    make_api: ApiMaker, path: str, is_ready: bool, status: int
) -> None:
    api = make_api(models=[ServedModel(manifest(), is_ready=is_ready)])

    found, document = get(api, path)

    assert (found, document["name"], document["ready"]) == (status, "gender", is_ready)


@pytest.mark.parametrize("path", ["", "/ready", "/versions/1", "/versions/1/ready"])
def test_a_model_that_is_not_served_is_neither_described_nor_ready(api: Api, path: str) -> None:
    assert get(api, f"/v2/models/gendre{path}")[0] == 404
