"""What a client sends twice is done once: idempotency keys, and ids of its own."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.callers import CALLER, Caller, Scope
from shared.settings import Settings
from tests.builders import record, success
from tests.unit.api.conftest import Api, document_of, finish

ADA, BOB = (Caller(owner, f"key of {owner}", frozenset(Scope)) for owner in ("ada", "bob"))
KEY = {"Idempotency-Key": "order-4711"}
OWN = "/v1/predictions/order-4711"


def put(api: Api, path: str = OWN, **members: Any) -> TestResponse:
    return api.client.put(path, json={"input": record(), **members})


def test_a_repeated_request_is_answered_with_the_same_job(api: Api) -> None:
    first = api.submit(headers=KEY)

    second = api.submit(headers=KEY)

    assert (first.status_code, second.status_code) == (202, 202)
    assert document_of(second)["id"] == document_of(first)["id"]
    assert ("Idempotency-Replayed" in first.headers, second.headers["Idempotency-Replayed"]) == (False, "true")
    assert [[spec.id for spec in message] for message in api.broker.sent] == [[document_of(first)["id"]]]


def test_a_repeated_request_is_answered_with_the_result_once_it_is_there(api: Api) -> None:
    path = api.submit(headers=KEY).headers["Location"]
    finish(api.jobs, path.rpartition("/")[2], success())

    response = api.submit(headers=KEY)

    assert (response.status_code, document_of(response)) == (200, document_of(api.client.get(path)))


def test_a_repeated_request_can_wait_for_the_result(api: Api) -> None:
    api.submit(headers=KEY)

    response = api.submit(headers=KEY | {"Prefer": "wait"})

    assert (response.status_code, document_of(response)["status"]) == (202, "queued")


def test_a_repeated_predict_is_answered_with_the_same_output(api: Api) -> None:
    api.broker.outcome = success(label="female")
    first = api.predict(headers=KEY)
    api.broker.outcome = success(label="male")

    second = api.predict(headers=KEY)

    assert (second.status_code, second.data, second.headers["Location"]) == (200, first.data, first.headers["Location"])
    assert second.headers["Idempotency-Replayed"] == "true"


def test_the_order_of_members_makes_no_other_request(api: Api) -> None:
    first = api.client.post(
        "/v1/predictions",
        data='{"model": "gender", "input": {"height": 181, "shoe_size": 44}}',
        content_type="application/json",
        headers=KEY,
    )

    second = api.client.post(
        "/v1/predictions",
        data='{"input":{"shoe_size":44,"height":181},"model":"gender"}',
        content_type="application/json",
        headers=KEY,
    )

    assert document_of(second)["id"] == document_of(first)["id"]


@pytest.mark.parametrize("members", [{"model": "gender"}, {"metadata": {"a": "b"}}], ids=["model", "metadata"])
def test_a_key_that_comes_with_another_body_is_refused(api: Api, members: dict[str, Any]) -> None:
    api.submit(headers=KEY)

    response = api.submit(headers=KEY, **members)

    assert (response.status_code, document_of(response)["code"]) == (422, "idempotency_key_reused")


def test_a_key_that_comes_on_another_path_is_refused(api: Api) -> None:
    api.submit(headers=KEY)

    response = api.predict(headers=KEY)

    assert (response.status_code, document_of(response)["code"]) == (422, "idempotency_key_reused")


def test_a_request_that_was_refused_does_not_take_the_key(api: Api) -> None:
    api.submit(record(height=1.81), headers=KEY)

    assert api.submit(headers=KEY).status_code == 202


def test_each_owner_has_keys_of_its_own(api: Api) -> None:
    answers = [
        api.client.post(
            "/v1/predictions", json={"input": record(height=height)}, headers=KEY, environ_overrides={CALLER: caller}
        )
        for caller, height in ((ADA, 181), (BOB, 160))
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert ["Idempotency-Replayed" in answer.headers for answer in answers] == [False, False]


def test_a_key_can_be_used_again_after_its_time(api: Api, settings: Settings) -> None:
    first = api.submit(headers=KEY)
    api.jobs.let_time_pass(settings.idempotency_seconds + 1)

    second = api.submit(record(height=160), headers=KEY)

    assert (second.status_code, document_of(second)["id"] != document_of(first)["id"]) == (202, True)


def test_a_repeated_request_for_a_deleted_job_says_that_it_is_gone(api: Api) -> None:
    api.client.delete(api.submit(headers=KEY).headers["Location"])

    response = api.submit(headers=KEY)

    assert (response.status_code, document_of(response)["code"]) == (410, "prediction_gone")


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel"])
def test_a_key_that_is_none_is_refused(api: Api, key: str) -> None:
    response = api.submit(headers={"Idempotency-Key": key})

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


def test_a_client_can_make_the_id(api: Api) -> None:
    response = put(api, metadata={"a": "b"})

    document = document_of(response)
    assert (response.status_code, response.headers["Location"]) == (202, OWN)
    assert (document["id"], document["urls"]["cancel"]) == ("order-4711", f"{OWN}/cancel")
    assert document_of(api.client.get(OWN)) == document


def test_the_same_body_again_is_answered_with_the_job_as_it_stands(api: Api) -> None:
    put(api)
    (spec,) = api.broker.sent[0]
    finish(api.jobs, spec.id, success())

    response = put(api)

    assert (response.status_code, document_of(response)["status"]) == (200, "succeeded")
    assert response.headers["Idempotency-Replayed"] == "true"
    assert len(api.broker.sent) == 1


def test_the_same_body_again_is_answered_with_200_before_it_is_done(api: Api) -> None:
    put(api)

    response = put(api)

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


def test_another_body_under_the_same_id_is_refused(api: Api) -> None:
    put(api)

    response = put(api, model="gender")

    assert (response.status_code, document_of(response)["code"]) == (409, "id_taken")


def test_each_owner_has_ids_of_its_own(api: Api) -> None:
    body = {"input": record()}
    first = api.client.put(OWN, json=body, environ_overrides={CALLER: ADA})

    unseen = api.client.get(OWN, environ_overrides={CALLER: BOB})
    second = api.client.put(OWN, json=body | {"model": "gender"}, environ_overrides={CALLER: BOB})

    assert (first.status_code, unseen.status_code, second.status_code) == (202, 404, 202)


def test_a_deleted_id_is_gone_and_not_taken_again(api: Api) -> None:
    put(api)
    api.client.delete(OWN)

    answers = [api.client.get(OWN), put(api), put(api, model="gender")]

    assert [(answer.status_code, document_of(answer)["code"]) for answer in answers] == [(410, "prediction_gone")] * 3


def test_a_job_under_its_clients_id_can_be_waited_for(api: Api) -> None:
    api.broker.outcome = success()

    response = api.client.put(OWN, json={"input": record()}, headers={"Prefer": "wait"})

    assert (response.status_code, document_of(response)["status"]) == (200, "succeeded")


@pytest.mark.parametrize("own_id", ["prd_" + "a" * 40, "prd_x", "bat_x", "-a", "a.b", "ä", "x" * 65])
def test_an_id_that_could_be_one_of_ours_is_refused(api: Api, own_id: str) -> None:
    response = put(api, f"/v1/predictions/{own_id}")

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


def test_where_a_job_of_an_own_id_lies_is_no_id(api: Api) -> None:
    put(api)
    (spec,) = api.broker.sent[0]

    assert api.client.get(f"/v1/predictions/{spec.id}").status_code == 404
