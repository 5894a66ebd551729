"""Which key opens which route, and how a request without one is refused."""

import re
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from api import access
from api.access import OPEN, SCOPES, find_needs
from api.callers import Scope
from tests.builders import record
from tests.unit.api.batches.conftest import CSV
from tests.unit.api.conftest import Api, ApiMaker, document_of
from tests.unit.api.routes import hollow_app

TOKEN = "an operator's own token"
PARAMETER = re.compile("<[^>]+>")
UNKNOWN_KEY = f"rck_{'a' * 16}_{'a' * 64}"

#: Method, path and what else the client takes.
Asked = tuple[str, str, dict[str, Any]]

SUBMIT = ("POST", "/v1/predictions", {"json": {"input": record()}})
PREDICT = ("POST", "/v1/models/gender/predict", {"json": record()})
UPLOAD = ("POST", "/v1/batches", {"data": CSV, "content_type": "text/csv"})
MODELS: Asked = ("GET", "/v1/models", {})
QUARANTINE: Asked = ("GET", "/v1/quarantine", {})
KEYS: Asked = ("GET", "/v1/keys", {})
#: One request for each kind of route that asks for a key, and the scope that it asks for.
GUARDED = {
    "submit": (SUBMIT, Scope.PREDICT),
    "predict": (PREDICT, Scope.PREDICT),
    "read": (("GET", "/v1/predictions/prd_a", {}), Scope.PREDICT),
    "upload": (UPLOAD, Scope.BATCH),
    "follow": (("GET", "/v1/batches/bat_a", {}), Scope.BATCH),
    "quarantine": (QUARANTINE, Scope.ADMIN),
    "list keys": (KEYS, Scope.ADMIN),
    "make a key": (("POST", "/v1/keys", {"json": {"name": "x", "scopes": ["admin"]}}), Scope.ADMIN),
    "revoke a key": (("DELETE", "/v1/keys/a", {}), Scope.ADMIN),
}
each_guarded = pytest.mark.parametrize(("asked", "scope"), GUARDED.values(), ids=GUARDED)


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    """An API process that asks for keys."""
    return make_api(require_keys=True, operator_token=SecretStr(TOKEN))


def ask(api: Api, asked: Asked, key: str | None = None) -> TestResponse:
    method, path, options = asked
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return api.client.open(path, method=method, headers=headers, **options)


def key_for(api: Api, *scopes: Scope) -> str:
    return api.keys.create("for a test", scopes=scopes)[1]


def revoked_key(api: Api) -> str:
    key, text = api.keys.create("for a test", scopes=list(Scope))
    api.keys.revoke(key.id)
    return text


def expired_key(api: Api) -> str:
    return api.keys.create("for a test", scopes=list(Scope), valid_seconds=0.0)[1]


def refusal(response: TestResponse) -> tuple[int, list[tuple[str, str]], dict[str, Any]]:
    """Return all of an answer but the id of the request."""
    headers = sorted((name, value) for name, value in response.headers if name != "X-Request-Id")
    return response.status_code, headers, document_of(response) | {"request_id": ""}


@each_guarded
def test_a_request_without_a_key_is_refused(api: Api, asked: Asked, scope: Scope) -> None:
    response = ask(api, asked)

    assert (response.status_code, document_of(response)["code"]) == (401, "key_required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@each_guarded
@pytest.mark.parametrize("make_key", [revoked_key, expired_key, lambda _: ""], ids=["revoked", "expired", "empty"])
def test_nothing_tells_unknown_revoked_and_expired_keys_apart(
    api: Api, asked: Asked, scope: Scope, make_key: Any
) -> None:
    assert refusal(ask(api, asked, make_key(api))) == refusal(ask(api, asked, UNKNOWN_KEY))


def routes() -> list[tuple[str, str]]:
    """Return method and path of every route that asks for a key."""
    needs = find_needs(hollow_app(require_keys=True), keys_required=True)
    return sorted((method, PARAMETER.sub("x", rule)) for method, rule in needs if method not in ("HEAD", "OPTIONS"))


@pytest.mark.parametrize(("method", "path"), routes())
@pytest.mark.parametrize("make_key", [revoked_key, expired_key, lambda _: ""], ids=["revoked", "expired", "empty"])
def test_every_route_refuses_keys_that_are_none_with_the_same_bytes(
    api: Api, method: str, path: str, make_key: Any
) -> None:
    same = {"X-Request-Id": "one-and-the-same"}
    keys = [UNKNOWN_KEY, make_key(api)]

    unknown, other = (
        api.client.open(path, method=method, headers=same | {"Authorization": f"Bearer {key}"}) for key in keys
    )

    assert unknown.status_code == 401
    assert (other.status, list(other.headers), other.data) == (unknown.status, list(unknown.headers), unknown.data)


@each_guarded
def test_a_key_without_the_scope_is_told_which_it_lacks(api: Api, asked: Asked, scope: Scope) -> None:
    response = ask(api, asked, key_for(api, *set(Scope) - {scope}))

    document = document_of(response)
    assert (response.status_code, document["code"]) == (403, "scope_missing")
    assert f"`{scope.value}`" in document["detail"]
    assert response.headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{scope.value}"'


@each_guarded
def test_a_key_with_the_scope_is_let_in(api: Api, asked: Asked, scope: Scope) -> None:
    assert ask(api, asked, key_for(api, scope)).status_code not in (401, 403)


@pytest.mark.parametrize("scope", Scope)
def test_any_key_may_look_at_the_models(api: Api, scope: Scope) -> None:
    assert ask(api, MODELS, key_for(api, scope)).status_code == 200


def test_nobody_looks_at_the_models_without_a_key(api: Api) -> None:
    assert ask(api, MODELS).status_code == 401


@pytest.mark.parametrize("asked", [QUARANTINE, KEYS], ids=["quarantine", "keys"])
def test_the_token_of_the_operators_opens_what_is_for_operators(api: Api, asked: Asked) -> None:
    assert ask(api, asked, TOKEN).status_code == 200


def test_the_token_of_the_operators_predicts_nothing(api: Api) -> None:
    assert ask(api, SUBMIT, TOKEN).status_code == 403


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/openapi.json", "/docs/", "/", "/page/start.js"])
@pytest.mark.parametrize("key", [None, UNKNOWN_KEY], ids=["no key", "an unknown key"])
def test_probes_figures_and_documents_are_open(api: Api, path: str, key: str | None) -> None:
    assert ask(api, ("GET", path, {}), key).status_code == 200


def test_the_probe_of_readiness_is_open(api: Api) -> None:
    assert ask(api, ("GET", "/readyz", {})).status_code not in (401, 403)


@pytest.mark.parametrize("asked", [SUBMIT, PREDICT, UPLOAD, MODELS], ids=["submit", "predict", "upload", "models"])
@pytest.mark.parametrize("key", [None, UNKNOWN_KEY], ids=["no key", "an unknown key"])
def test_where_no_keys_are_asked_for_everybody_is_let_in(make_api: ApiMaker, asked: Asked, key: str | None) -> None:
    assert ask(make_api(), asked, key).status_code in (200, 202, 504)


def test_an_admins_key_opens_the_quarantine_where_no_keys_are_asked_for(make_api: ApiMaker) -> None:
    api = make_api()

    assert ask(api, QUARANTINE, key_for(api, Scope.ADMIN)).status_code == 200


def test_a_blueprint_that_nobody_thought_of_stops_the_start(
    make_api: ApiMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SCOPES", {name: scope for name, scope in SCOPES.items() if name != "batches"})

    with pytest.raises(AssertionError, match="batches"):
        make_api()


def test_only_probes_figures_documents_and_pages_are_open_to_everybody() -> None:
    assert {"health", "protocol_probes", "metrics", "openapi", "pages"} == OPEN


def test_what_a_key_made_belongs_to_its_owner(api: Api) -> None:
    _, mine = api.keys.create("mine", scopes=[Scope.PREDICT], owner="ada")
    _, newer = api.keys.create("newer", scopes=[Scope.PREDICT], owner="ada")
    path = document_of(ask(api, SUBMIT, mine))["urls"]["get"]

    assert ask(api, ("GET", path, {}), newer).status_code == 200
    assert ask(api, ("GET", path, {}), key_for(api, Scope.PREDICT)).status_code == 404


def security(api: Api) -> dict[tuple[str, str], Any]:
    paths = document_of(api.client.get("/openapi.json"))["paths"]
    return {
        (method, path): operation.get("security") for path, item in paths.items() for method, operation in item.items()
    }


def test_the_contract_says_which_scope_an_operation_needs(api: Api) -> None:
    needed = security(api)

    assert needed["post", "/v1/predictions"] == [{"key": ["predict"]}]
    assert needed["get", "/v1/batches/{batch_id}/results"] == [{"key": ["batch"]}]
    assert needed["delete", "/v1/keys/{key_id}"] == [{"key": ["admin"]}]
    assert needed["get", "/v1/models"] == [{"key": []}]
    assert needed["get", "/readyz"] is None


def test_the_contract_asks_for_no_key_where_none_is_needed(make_api: ApiMaker) -> None:
    needed = security(make_api())

    assert (needed["post", "/v1/predictions"], needed["get", "/v1/keys"]) == (None, [{"key": ["admin"]}])
