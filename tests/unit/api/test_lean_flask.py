"""Routes are found as Flask finds them, and nothing of one request is left for the next."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, g, request, session
from flask.testing import FlaskClient

from api.lean_flask import REMEMBERED_PATHS, LeanFlask
from tests.unit.api.conftest import Api

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
PATHS = (
    "/",
    "/v1",
    "/v1/predictions",
    "/v1/predictions/",
    "/v1//predictions",
    "//v1/predictions",
    "/v1/predictions?version=1",
    "/v1/predictions/prd_a",
    "/v1/predictions/prd_a/",
    "/v1/predictions/prd_a/cancel",
    "/v1/predictions//cancel",
    "/v1/predictions/a/b/cancel",
    "/v1/models",
    "/v1/models/gender",
    "/v1/models/gender/predict",
    "/v1/models/gender/predict/",
    "/v1/models//predict",
    "/v1/models/predict",
    "/v1/models/größe/predict",
    "/v1/models/%67ender/predict",
    "/v1/models/a%2Fb/predict",
    "/v1/models/a%00b/predict",
    "/v1/models/%FF/predict",
    "/v1/models//gender/predict?x=%C3%A9&y=a+b",
    "/v1/models//%FF%C3%A9 /predict?x=%FF",
    "/v1/batches/bat_a/results",
    "/health/live",
    "/docs",
    "/docs?x=1&y=%C3%A9",
    "/docs/",
    "/docs/index.html",
    "/V1/predictions",
    "/nowhere",
)


def copy_routes(source: Flask, target: Flask) -> FlaskClient:
    """Give an application the routes of another; each view says what was found."""

    def say(**values: Any) -> dict[str, Any]:
        return {"endpoint": request.endpoint, "rule": str(request.url_rule), "values": values, "path": request.path}

    for rule in source.url_map.iter_rules():
        target.url_map.add(rule.empty())
        target.view_functions[rule.endpoint] = say
    return target.test_client()


@pytest.fixture
def plain(api: Api) -> FlaskClient:
    return copy_routes(api.client.application, Flask("plain", static_folder=None))


@pytest.fixture
def lean(api: Api) -> FlaskClient:
    return copy_routes(api.client.application, LeanFlask("lean"))


def answers(client: FlaskClient, method: str) -> list[tuple[Any, ...]]:
    """Ask for each path twice, because some routes are remembered."""
    responses = [(path, client.open(path, method=method)) for path in PATHS for _ in range(2)]
    return [(path, each.status_code, each.data, sorted(each.headers.items())) for path, each in responses]


@pytest.mark.parametrize("method", METHODS)
def test_every_path_leads_where_flask_leads(plain: FlaskClient, lean: FlaskClient, method: str) -> None:
    assert answers(lean, method) == answers(plain, method)


def test_the_paths_are_of_every_kind(plain: FlaskClient) -> None:
    # Otherwise the comparison would show little.
    statuses = {status for method in METHODS for _, status, _, _ in answers(plain, method)}

    assert statuses >= {200, 308, 404, 405}


@pytest.mark.parametrize("query", [b"x=\xc3\xa9", b"x=\xff"], ids=["UTF-8", "no UTF-8"])
def test_a_query_of_any_bytes_is_kept_in_a_redirect_as_flask_keeps_it(
    plain: FlaskClient, lean: FlaskClient, query: bytes
) -> None:
    raw = {"QUERY_STRING": query.decode("latin-1")}

    locations = [client.get("/docs", environ_overrides=raw).location for client in (lean, plain)]

    assert locations[0] == locations[1]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> tuple[LeanFlask, list[str]]:
    """An application that notes the paths that it looked for."""
    app = LeanFlask("counting")
    sought: list[str] = []
    app.add_url_rule("/<name>", view_func=change_its_values, methods=["POST"])
    match: Callable[..., Any] = app.url_map._matcher.match

    def note(domain: str, path: str, *args: Any) -> Any:
        sought.append(path)
        return match(domain, path, *args)

    monkeypatch.setattr(app.url_map._matcher, "match", note)
    return app, sought


def change_its_values(name: str) -> str:
    assert request.view_args is not None
    request.view_args["name"] = "changed"
    request.view_args["more"] = "added"
    return name


def test_the_route_of_a_path_is_sought_once(counting: tuple[LeanFlask, list[str]]) -> None:
    app, sought = counting

    answered = [app.test_client().post("/a").text for _ in range(3)]

    assert (answered, sought) == (["a"] * 3, ["/a"])


def test_what_a_view_does_to_its_values_is_over_with_its_request(counting: tuple[LeanFlask, list[str]]) -> None:
    client = counting[0].test_client()

    assert [client.post("/a").text for _ in range(3)] == ["a"] * 3


def test_no_more_than_so_many_routes_are_remembered(counting: tuple[LeanFlask, list[str]]) -> None:
    app, _ = counting
    client = app.test_client()

    answered = [client.post(f"/{number}").text for number in range(REMEMBERED_PATHS + 9)]

    assert answered == [str(number) for number in range(REMEMBERED_PATHS + 9)]
    assert len(app._routes) == REMEMBERED_PATHS


def test_a_path_that_leads_nowhere_is_not_remembered(counting: tuple[LeanFlask, list[str]]) -> None:
    app, _ = counting

    app.test_client().post("/no/where")

    assert app._routes == {}


def test_requests_have_nothing_in_common() -> None:
    app = LeanFlask("lean")

    def count() -> str:
        g.count = g.get("count", 0) + 1
        return str(g.count)

    app.add_url_rule("/", view_func=count)

    assert [app.test_client().get("/").text for _ in range(2)] == ["1", "1"]


def test_there_is_no_session_to_write_to() -> None:
    app = LeanFlask("lean")

    def write() -> str:
        assert not session
        with pytest.raises(RuntimeError):
            session["name"] = "value"
        return "written nowhere"

    app.add_url_rule("/", view_func=write)

    response = app.test_client().get("/")

    assert (response.text, response.headers.get("Set-Cookie")) == ("written nowhere", None)
