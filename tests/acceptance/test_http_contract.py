"""Each status code of the contract, over HTTP, from real processes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from redis import Redis

from standalone.stack import Stack
from tests.acceptance.direct import direct_outputs, people
from tests.models import RAISES, SLEEPS_FROM

PERSON = {"height": 190, "weight": 70, "shoe_size": 43}
BODY = {"model": "gender", "input": PERSON}


def submit_slow(http: httpx2.Client, seconds: float, **headers: str) -> httpx2.Response:
    return http.post(
        "/v1/predictions", json={"model": "moody", "input": {"mood": SLEEPS_FROM + seconds}}, headers=headers
    )


def problem(response: httpx2.Response) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["error"] == document["detail"]
    assert document["request_id"] == response.headers["X-Request-Id"]
    return dict(document)


def test_submit_answers_202_and_the_job_can_be_polled(http: httpx2.Client) -> None:
    accepted = http.post("/v1/predictions", json=BODY)

    job = http.get(accepted.headers["Location"], headers={"Prefer": "wait=20"}).json()

    assert accepted.status_code == 202
    assert accepted.json()["status"] == "queued"
    assert int(accepted.headers["Retry-After"]) >= 1
    assert job["status"] == "succeeded"
    assert job["output"] == direct_outputs([PERSON])[0]


def test_submit_with_a_wait_answers_200_with_the_finished_job(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", json=BODY, headers={"Prefer": "wait=20"})

    assert response.status_code == 200
    assert response.headers["Preference-Applied"] == "wait=20"
    assert "predict;dur=" in response.headers["Server-Timing"]
    assert response.json()["output"] == direct_outputs([PERSON])[0]


def test_a_wait_that_is_too_short_answers_202_and_the_job_lives_on(http: httpx2.Client) -> None:
    response = submit_slow(http, 1.5, Prefer="wait=1")

    job = http.get(response.headers["Location"], headers={"Prefer": "wait=20"}).json()

    assert response.status_code == 202
    assert job["status"] == "succeeded"


def test_preferences_may_come_in_several_headers(http: httpx2.Client) -> None:
    headers = [("Prefer", "respond-async"), ("Prefer", "wait=20")]

    response = http.post("/v1/predictions", json=BODY, headers=headers)

    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "wait=20")


def test_requests_that_come_together_are_each_answered_with_their_own_output(http: httpx2.Client) -> None:
    records = people(300)

    with ThreadPoolExecutor(60) as clients:
        responses = list(clients.map(lambda record: http.post("/v1/models/gender/predict", json=record), records))

    assert [response.json() for response in responses] == direct_outputs(records)


def test_an_array_comes_back_in_order(http: httpx2.Client) -> None:
    records = people(1000)

    response = http.post("/v1/predictions", json={"model": "gender", "input": records}, headers={"Prefer": "wait=30"})

    assert response.json()["output"] == direct_outputs(records)


def test_predict_answers_the_bare_output(http: httpx2.Client) -> None:
    response = http.post("/v1/models/gender/predict", json=PERSON)

    assert response.status_code == 200
    assert response.json() == direct_outputs([PERSON])[0]


def test_an_unusual_value_is_answered_with_a_warning(http: httpx2.Client) -> None:
    body = {"model": "gender", "input": PERSON | {"height": 230}}

    job = http.post("/v1/predictions", json=body, headers={"Prefer": "wait=20"}).json()

    assert job["status"] == "succeeded"
    assert [(note["pointer"], note["code"]) for note in job["warnings"]] == [("/input/height", "untypical")]


def test_an_unchanged_job_answers_304(http: httpx2.Client) -> None:
    done = http.post("/v1/predictions", json=BODY, headers={"Prefer": "wait=20"})
    url = done.headers["Location"]

    again = http.get(url, headers={"If-None-Match": http.get(url).headers["ETag"]})

    assert again.status_code == 304
    assert again.content == b""


def test_a_body_that_is_no_json_answers_400(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", content=b'{"input": NaN}', headers={"Content-Type": "application/json"})

    assert response.status_code == 400
    assert problem(response)["code"] == "malformed_request"


def test_a_bad_deadline_answers_400(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", json=BODY, headers={"Cancel-After": "soon"})

    assert response.status_code == 400
    assert "90s" in problem(response)["detail"]


def test_an_unknown_model_answers_404_with_the_nearest(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", json=BODY | {"model": "gendre"})

    assert response.status_code == 404
    assert problem(response)["code"] == "model_not_found"
    assert "did you mean 'gender'?" in response.json()["detail"]


def test_an_id_that_was_never_given_out_answers_404(http: httpx2.Client) -> None:
    response = http.get("/v1/predictions/prd_" + "a" * 32)

    assert response.status_code == 404
    assert problem(response)["code"] == "prediction_not_found"


def test_a_job_past_its_retention_answers_410(http: httpx2.Client, stack: Stack) -> None:
    url = http.post("/v1/predictions", json=BODY, headers={"Prefer": "wait=20"}).headers["Location"]
    with Redis.from_url(stack.store_url) as redis:
        redis.delete("{rowcall}:job:" + url.rpartition("/")[2])

    response = http.get(url)

    assert response.status_code == 410
    assert problem(response)["code"] == "prediction_gone"


def test_an_unknown_path_answers_404(http: httpx2.Client) -> None:
    assert problem(http.get("/v2/nothing"))["code"] == "not_found"


def test_a_wrong_method_answers_405_with_those_that_work(http: httpx2.Client) -> None:
    response = http.delete("/v1/predictions")

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert problem(response)["code"] == "method_not_allowed"


def test_a_body_over_the_limit_answers_413(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", json=BODY | {"version": "x" * 1_100_000})

    assert response.status_code == 413
    assert problem(response)["code"] == "body_too_large"


def test_another_media_type_answers_415(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", content=b"height=1", headers={"Content-Type": "text/plain"})

    assert response.status_code == 415
    assert problem(response)["code"] == "unsupported_media_type"


def test_a_height_in_metres_answers_422_and_says_what_to_send(http: httpx2.Client) -> None:
    response = http.post("/v1/predictions", json=BODY | {"input": PERSON | {"height": 1.81}})

    assert response.status_code == 422
    assert problem(response)["errors"] == [
        {
            "pointer": "/input/height",
            "code": "out_of_range",
            "detail": "1.81 is outside 100 to 250 cm; looks like metres; send centimetres (181)",
        }
    ]


def test_a_model_that_raises_fails_its_job_with_the_reason(http: httpx2.Client) -> None:
    body = {"model": "moody", "input": [{"mood": 1}, {"mood": RAISES}]}

    job = http.post("/v1/predictions", json=body, headers={"Prefer": "wait=20"}).json()

    assert job["status"] == "failed"
    assert job["error"]["code"] == "prediction_failed"
    assert [note["pointer"] for note in job["error"]["errors"]] == ["/input/1"]


def test_predict_answers_a_failed_job_as_a_problem(http: httpx2.Client) -> None:
    response = http.post("/v1/models/moody/predict", json={"mood": RAISES})

    assert response.status_code == 422
    assert problem(response)["code"] == "prediction_failed"


def test_predict_answers_504_with_the_job_when_it_takes_too_long(http: httpx2.Client) -> None:
    response = http.post("/v1/models/moody/predict", json={"mood": SLEEPS_FROM + 2}, headers={"Prefer": "wait=1"})

    job = http.get(response.headers["Location"], headers={"Prefer": "wait=20"}).json()

    assert response.status_code == 504
    assert problem(response)["job_id"] == job["id"]
    assert job["status"] == "succeeded"


def test_a_deadline_that_passes_expires_the_job(http: httpx2.Client) -> None:
    response = submit_slow(http, 3.0, **{"Cancel-After": "1s", "Prefer": "wait=20"})

    assert response.json()["status"] == "expired"
    assert response.json()["error"]["code"] == "deadline_passed"


def test_a_running_job_is_canceled_when_its_worker_is_done(http: httpx2.Client) -> None:
    url = submit_slow(http, 2.0, Prefer="wait=1").headers["Location"]

    canceled = http.post(url + "/cancel")
    job = http.get(url, headers={"Prefer": "wait=20"}).json()

    assert canceled.status_code == 202
    assert canceled.json()["cancel_requested"] is True
    assert job["status"] == "canceled"


def test_a_final_job_cannot_be_canceled(http: httpx2.Client) -> None:
    url = http.post("/v1/predictions", json=BODY, headers={"Prefer": "wait=20"}).headers["Location"]

    response = http.post(url + "/cancel")

    assert response.status_code == 409
    assert problem(response)["code"] == "already_final"


def test_the_models_are_listed_with_units_and_ranges(http: httpx2.Client) -> None:
    models = {model["name"]: model for model in http.get("/v1/models").json()["data"]}

    height = models["gender"]["features"][0]

    assert sorted(models) == ["gender", "moody"]
    assert (height["name"], height["unit"], height["minimum"], height["maximum"]) == ("height", "cm", 100, 250)
    assert http.get("/v1/models/gender").json() == models["gender"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/docs/", "/docs/swagger-ui-bundle.js", "/"])
def test_the_service_routes_answer(http: httpx2.Client, path: str) -> None:
    assert http.get(path).status_code == 200


def test_a_request_id_comes_back(http: httpx2.Client) -> None:
    assert http.get("/livez", headers={"X-Request-Id": "my-id.1"}).headers["X-Request-Id"] == "my-id.1"
