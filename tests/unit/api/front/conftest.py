"""Small WSGI applications on the event loop."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from api.flask_on_loop import FlaskOnLoop, WsgiApplication
from api.greenlets import GreenletHost
from tests.asgi import PATIENCE_SECONDS, AsgiServer

Serve = Callable[..., AsgiServer]


def nothing_to_add(_scope: dict[str, Any], _body: bytes) -> dict[str, Any]:
    """Stand in for express, which leaves all to the application."""
    return {}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves a WSGI application; requests with a small body run on the loop if they never block."""
    with ExitStack() as servers:

        def serve(
            application: WsgiApplication,
            *,
            never_blocks: bool = True,
            express: Any = nothing_to_add,
            patience_seconds: float = PATIENCE_SECONDS,
        ) -> AsgiServer:
            async def answer(asked: dict[str, Any], body: bytes, host: GreenletHost) -> Any:
                return await host.run(express, asked, body)

            front = FlaskOnLoop(
                application,
                threads=4,
                patience_seconds=patience_seconds,
                never_blocks=lambda _method, _path: never_blocks,
                express=answer,
            )
            return servers.enter_context(AsgiServer(front))

        yield serve


@pytest.fixture(params=["on the loop", "in a thread"])
def serve_either_way(request: pytest.FixtureRequest, serve: Serve) -> Serve:
    never_blocks = request.param == "on the loop"
    return lambda application, **options: serve(application, never_blocks=never_blocks, **options)
