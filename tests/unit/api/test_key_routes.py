"""Keys over HTTP: an operator makes them, lists them, revokes them."""

from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from tests.unit.api.conftest import Api, ApiMaker, document_of

HEADERS = {"Authorization": "Bearer an operator's own token"}


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    return make_api(require_keys=True, operator_token=SecretStr("an operator's own token"))


def create(api: Api, **members: object) -> TestResponse:
    body = {"name": "billing", "scopes": ["predict"], **members}
    return api.client.post("/v1/keys", json=body, headers=HEADERS)


def listed(api: Api) -> list[Any]:
    document: list[Any] = document_of(api.client.get("/v1/keys", headers=HEADERS))["data"]
    return document


def read_models(api: Api, key: str) -> int:
    return api.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code


def test_a_key_is_valid_at_once(api: Api) -> None:
    response = create(api)

    assert response.status_code == 201
    assert read_models(api, document_of(response)["key"]) == 200


def test_no_cache_keeps_the_answer_with_the_key(api: Api) -> None:
    assert create(api).headers["Cache-Control"] == "no-store"


def test_a_key_is_listed_without_its_text(api: Api) -> None:
    created = document_of(create(api, scopes=["batch", "predict"], owner="ada", expires_in_seconds=60))
    text = created.pop("key")

    assert listed(api) == [created]
    assert text.split("_")[1] == created["id"]
    assert (created["name"], created["owner"], created["scopes"]) == ("billing", "ada", ["batch", "predict"])


def test_a_whole_number_may_be_written_with_a_point(api: Api) -> None:
    assert create(api, expires_in_seconds=60.0).status_code == 201


def test_a_key_that_never_expires_says_so(api: Api) -> None:
    assert document_of(create(api, expires_in_seconds=None))["expires_at"] is None


@pytest.mark.parametrize("per_second", [50, 0.5, 0, None], ids=["many", "few", "no limit", "the service's"])
def test_a_key_has_the_rate_that_was_asked_for(api: Api, per_second: float | None) -> None:
    created = document_of(create(api, requests_per_second=per_second))

    assert created["requests_per_second"] == per_second
    assert [key["requests_per_second"] for key in listed(api)] == [per_second]


def test_a_key_that_was_never_shown_to_this_process_is_refused_once_revoked(api: Api) -> None:
    created = document_of(create(api))

    response = api.client.delete(f"/v1/keys/{created['id']}", headers=HEADERS)

    assert (response.status_code, read_models(api, created["key"])) == (204, 401)
    assert listed(api) == []


def test_a_key_is_revoked_once(api: Api) -> None:
    path = f"/v1/keys/{document_of(create(api))['id']}"
    api.client.delete(path, headers=HEADERS)

    response = api.client.delete(path, headers=HEADERS)

    assert (response.status_code, document_of(response)["code"]) == (404, "key_not_found")


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        pytest.param({"name": None}, ["/name"], id="no name"),
        pytest.param({"name": "a\nb"}, ["/name"], id="a name of two lines"),
        pytest.param({"name": "a" * 65}, ["/name"], id="a long name"),
        pytest.param({"owner": ""}, ["/owner"], id="an empty owner"),
        pytest.param({"owner": 5}, ["/owner"], id="an owner of a wrong type"),
        pytest.param({"scopes": None}, ["/scopes"], id="no scopes"),
        pytest.param({"scopes": []}, ["/scopes"], id="none of the scopes"),
        pytest.param({"scopes": "predict"}, ["/scopes"], id="scopes of a wrong type"),
        pytest.param({"scopes": ["predict", "all"]}, ["/scopes"], id="an unknown scope"),
        pytest.param({"scopes": [["predict"]]}, ["/scopes"], id="a scope of a wrong type"),
        pytest.param({"expires_in_seconds": 0}, ["/expires_in_seconds"], id="no time"),
        pytest.param({"expires_in_seconds": True}, ["/expires_in_seconds"], id="a time of a wrong type"),
        pytest.param({"expires_in_seconds": 1.5}, ["/expires_in_seconds"], id="a time with a fraction"),
        pytest.param({"expires_in_seconds": 10**12}, ["/expires_in_seconds"], id="a long time"),
        pytest.param({"requests_per_second": -1}, ["/requests_per_second"], id="less than none"),
        pytest.param({"requests_per_second": 0.00001}, ["/requests_per_second"], id="too slow"),
        pytest.param({"requests_per_second": 10_001}, ["/requests_per_second"], id="too fast"),
        pytest.param({"requests_per_second": True}, ["/requests_per_second"], id="a rate of a wrong type"),
        pytest.param({"requests_per_second": "5"}, ["/requests_per_second"], id="a rate as a text"),
        pytest.param({"expires": 60}, ["/expires"], id="an unknown field"),
        pytest.param({"name": 1, "scopes": 2}, ["/name", "/scopes"], id="several faults"),
    ],
)
def test_what_is_no_key_is_refused_with_every_fault(api: Api, members: dict[str, object], pointers: list[str]) -> None:
    response = create(api, **members)

    assert response.status_code == 422
    assert [error["pointer"] for error in document_of(response)["errors"]] == pointers
    assert listed(api) == []


def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    assert api.client.post("/v1/keys", json=["billing"], headers=HEADERS).status_code == 422
