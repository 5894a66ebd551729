"""How an answer leaves: piece by piece, no faster than its client takes it, and not at all once it is gone."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from flask import Flask, Response

from tests.asgi import Exchange, scope
from tests.unit.api.front.conftest import Serve

#: So long a test watches something that must not happen.
WATCH_SECONDS = 0.05


class Pieces:
    """An application whose answer comes in pieces; notes how far it got."""

    def __init__(self, *pieces: bytes, fails_at: int | None = None) -> None:
        self.taken = 0
        self.closed = 0
        self._pieces = pieces
        self._fails_at = fails_at

    def __call__(self, _environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Name", "\xe9")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for number, piece in enumerate(self._pieces):
            if number == self._fails_at:
                raise ZeroDivisionError
            self.taken += 1
            yield piece

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("pieces", [(b"all",), (b"", b"all"), (b"all", b"")], ids=["one", "empty first", "empty last"])
def test_an_answer_has_status_headers_and_body(serve_either_way: Serve, pieces: tuple[bytes, ...]) -> None:
    answer = serve_either_way(Pieces(*pieces)).request("GET", "/")

    assert (answer.status, answer.body) == (200, b"all")
    assert answer.headers == [("content-type", "text/plain"), ("x-name", "\xe9")]


@pytest.mark.parametrize("pieces", [(), (b"",), (b"all",), (b"", b"all")], ids=["none", "empty", "one", "empty first"])
def test_an_answer_of_one_piece_leaves_as_a_whole(serve_either_way: Serve, pieces: tuple[bytes, ...]) -> None:
    answer = serve_either_way(Pieces(*pieces)).request("GET", "/")

    assert [message.get("more_body") for message in answer.sent] == [None, False]


def test_a_long_answer_leaves_piece_by_piece(serve: Serve) -> None:
    answer = serve(Pieces(b"a", b"b", b"", b"c"), never_blocks=False).request("GET", "/")

    assert [(message["body"], message["more_body"]) for message in answer.sent[1:]] == [
        (b"a", True),
        (b"b", True),
        (b"c", False),
    ]


def test_an_answer_on_the_loop_is_put_together(serve: Serve) -> None:
    assert serve(Pieces(b"a", b"b", b"", b"c")).request("GET", "/").pieces == [b"abc"]


def test_an_answer_is_made_no_faster_than_its_client_takes_it(serve: Serve) -> None:
    application = Pieces(b"a", b"b", b"c", b"d")
    taken: list[int] = []

    async def take_slowly(_message: dict[str, Any]) -> None:
        await asyncio.get_running_loop().run_in_executor(None, threading.Event().wait, WATCH_SECONDS)
        taken.append(application.taken)

    serve(application, never_blocks=False).answer(scope(), Exchange(on_send=take_slowly))

    # The head, then the pieces; one is held back.
    assert taken == [2, 2, 3, 4, 4]


def test_an_answer_ends_when_its_client_is_gone(serve: Serve) -> None:
    exchange = Exchange()
    application = Pieces(*[b"piece"] * 10_000)

    async def hang_up_later(_message: dict[str, Any]) -> None:
        if len(exchange.sent) == 5:
            exchange.hang_up()
            # The next to run is who waits for it.
            await asyncio.sleep(0)

    exchange.on_send = hang_up_later

    serve(application, never_blocks=False).answer(scope(), exchange)

    assert application.taken < 10
    assert exchange.sent[-1]["more_body"]


@pytest.mark.parametrize("pieces", [(), (b"a",), (b"a", b"b", b"c")], ids=["none", "one", "several"])
def test_what_the_application_gave_is_closed_once(serve_either_way: Serve, pieces: tuple[bytes, ...]) -> None:
    application = Pieces(*pieces)

    serve_either_way(application).request("GET", "/")

    assert application.closed == 1


@pytest.mark.parametrize("fails_at", [0, 1], ids=["at once", "under way"])
def test_an_answer_that_fails_is_closed_and_the_server_told(serve_either_way: Serve, fails_at: int) -> None:
    application = Pieces(b"a", b"b", b"c", fails_at=fails_at)

    with pytest.raises(ZeroDivisionError):
        serve_either_way(application).request("GET", "/")

    assert application.closed == 1


def test_an_answer_that_cannot_be_sent_is_closed_and_the_server_told(serve: Serve) -> None:
    exchange = Exchange()
    application = Pieces(*[b"piece"] * 10_000)

    async def refuse(_message: dict[str, Any]) -> None:
        raise OSError("gone")

    exchange.on_send = refuse

    with pytest.raises(OSError, match="gone"):
        serve(application, never_blocks=False).answer(scope(), exchange)
    assert application.closed == 1


def test_nothing_of_an_answer_goes_on_after_its_end(serve: Serve) -> None:
    left: list[str] = []

    async def note_tasks() -> None:
        left.extend(str(task) for task in asyncio.all_tasks() if task is not asyncio.current_task())

    server = serve(Pieces(b"a", b"b"), never_blocks=False)
    server.request("GET", "/")

    server._runner.run(note_tasks())

    assert left == []


def greet() -> Response:
    return Response("hello", headers={"X-Name": "greeting"})


@pytest.fixture
def flask_app() -> Flask:
    app = Flask("front", static_folder=None)
    app.add_url_rule("/größe/<name>", view_func=lambda name: name, endpoint="size")
    app.add_url_rule("/", view_func=greet)
    return app


def test_an_answer_to_head_has_the_headers_of_get_and_no_body(serve_either_way: Serve, flask_app: Flask) -> None:
    server = serve_either_way(flask_app)

    head, get = server.request("HEAD", "/"), server.request("GET", "/")

    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert ("content-length", "5") in head.headers


@pytest.mark.parametrize("name", ["weiß", "☃", "a b", "50%", "a+b"])
def test_a_path_of_any_characters_reaches_its_view(serve_either_way: Serve, flask_app: Flask, name: str) -> None:
    answer = serve_either_way(flask_app).request("GET", f"/größe/{name}")

    assert (answer.status, answer.body.decode()) == (200, name)
