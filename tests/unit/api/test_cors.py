"""Pages on named origins may call the API from a browser; pages elsewhere may not."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pydantic import ValidationError

from api.cors import allow_origins
from shared.settings import Settings
from tests.asgi import AsgiServer, Exchange
from tests.unit.api.conftest import ApiMaker, front_of

OURS = "https://app.example"
ELSEWHERE = "https://elsewhere.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
}

Serve = Callable[..., AsgiServer]


@pytest.fixture
def serve(make_api: ApiMaker) -> Iterator[Serve]:
    """Serves an API that asks for keys to pages on these origins."""
    with ExitStack() as servers:

        def serve(*origins: str) -> AsgiServer:
            front = front_of(make_api(require_keys=True))
            return servers.enter_context(AsgiServer(allow_origins(front, origins)))

        yield serve


def ask(server: AsgiServer, method: str, origin: str | None, headers: dict[str, str] | None = None) -> Exchange:
    named = {"Origin": origin} if origin else {}
    return server.request(method, "/v1/predictions", headers=named | (headers or {}))


@pytest.mark.parametrize("origins", [(OURS,), (ELSEWHERE, OURS), ("*",)], ids=["one", "several", "all"])
def test_a_preflight_is_answered_before_a_key_is_asked_for(serve: Serve, origins: tuple[str, ...]) -> None:
    answer = ask(serve(*origins), "OPTIONS", OURS, PREFLIGHT)

    headers = dict(answer.headers)
    assert (answer.status, headers["access-control-allow-origin"], headers["vary"]) == (204, OURS, "Origin")
    assert "POST" in headers["access-control-allow-methods"]
    allowed = headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "idempotency-key", "prefer"))


def test_a_page_on_an_allowed_origin_may_read_answers_and_their_headers(serve: Serve) -> None:
    answer = ask(serve(OURS), "GET", OURS)

    headers = dict(answer.headers)
    assert (answer.status, headers["access-control-allow-origin"]) == (401, OURS)
    assert "Retry-After" in headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("origin", [ELSEWHERE, f"{OURS}.evil.example", "null", None])
def test_a_page_elsewhere_may_not(serve: Serve, origin: str | None) -> None:
    server = serve(OURS)

    preflight, answer = ask(server, "OPTIONS", origin, PREFLIGHT), ask(server, "GET", origin)

    assert [name for one in (preflight, answer) for name, _ in one.headers if name.startswith("access-control")] == []
    assert ("vary", "Origin") in answer.headers


def test_without_the_setting_no_page_may(serve: Serve) -> None:
    answer = ask(serve(), "OPTIONS", OURS, PREFLIGHT)

    assert [name for name, _ in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("text", ["app.example", "https://app.example/", "https://*.example", "https://a b"])
def test_what_is_no_origin_is_no_setting(text: str) -> None:
    with pytest.raises(ValidationError, match="must be origins such as"):
        Settings.model_validate({"cors_origins": text})
