"""How long a client may keep us waiting for its body: as long as it sends at some rate, and no longer."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from api.refusals import RequestTooSlow
from tests.asgi import Exchange, Message, body_messages, scope
from tests.unit.api.front.conftest import Serve

#: Shorter than a test may take, and longer than a machine with other work stands still.
SHORT_SECONDS = 0.3
LONG_SECONDS = 1.0
PAUSE_SECONDS = 0.03


@dataclass
class DrippingExchange(Exchange):
    """A client that pauses before each piece."""

    async def receive(self) -> Message:
        await asyncio.sleep(PAUSE_SECONDS)
        return await super().receive()


def with_length(size: int) -> dict[str, Any]:
    return scope("POST", "/", headers=[(b"content-length", str(size).encode())])


def unfinished(*pieces: bytes) -> list[Message]:
    """Return the messages of a body whose end never comes."""
    return [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]


class Reading:
    """An application that reads its body, twice if it fails, and notes how that ends."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.ends: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        try:
            self.body = stream.read()
        except RequestTooSlow:
            with pytest.raises(RequestTooSlow) as again:
                stream.read()
            self.ends.append(again.value.code)
        start_response("200 OK", [])
        return [b"answered"]


@pytest.mark.parametrize("pieces", [(), (b"some of ",)], ids=["before it", "within it"])
def test_a_body_that_stops_coming_is_given_up(serve_either_way: Serve, pieces: tuple[bytes, ...]) -> None:
    application = Reading()

    answer = serve_either_way(application, patience_seconds=SHORT_SECONDS).answer(
        with_length(9), Exchange(unfinished(*pieces))
    )

    assert (application.body, application.ends) == (None, ["request_too_slow"])
    assert answer.body == b"answered"


def test_a_body_that_stops_coming_never_reaches_express(serve: Serve) -> None:
    given: list[bytes] = []

    def express(_asked: dict[str, Any], body: bytes) -> dict[str, Any]:
        given.append(body)
        return {}

    serve(Reading(), express=express, patience_seconds=SHORT_SECONDS).answer(
        with_length(9), Exchange(unfinished(b"some of "))
    )

    assert given == []


def test_a_body_that_drips_is_given_up_though_each_piece_comes_in_time(serve_either_way: Serve) -> None:
    exchange = DrippingExchange(unfinished(*[b"x"] * 1_000))

    serve_either_way(Reading(), patience_seconds=SHORT_SECONDS).answer(with_length(10_000), exchange)

    assert exchange.received < 20


def test_a_body_that_comes_at_the_least_rate_may_take_longer(serve: Serve) -> None:
    application = Reading()
    pieces = [b"x" * 1_024] * 40

    serve(application, never_blocks=False, patience_seconds=LONG_SECONDS).answer(
        with_length(40 * 1_024), DrippingExchange(body_messages(*pieces))
    )

    assert (application.body, application.ends) == (b"".join(pieces), [])


def test_the_time_that_we_take_ourselves_is_not_the_client_s(serve: Serve) -> None:
    read: list[bytes] = []

    def read_slowly(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        read.append(environ["wsgi.input"].read(3))
        asyncio.run(asyncio.sleep(SHORT_SECONDS * 2))
        read.append(environ["wsgi.input"].read(3))
        start_response("204 NO CONTENT", [])
        return []

    serve(read_slowly, never_blocks=False, patience_seconds=SHORT_SECONDS).answer(
        with_length(6), Exchange(body_messages(b"abc", b"def"))
    )

    assert read == [b"abc", b"def"]


def test_nothing_is_read_behind_a_body_that_is_whole(serve: Serve) -> None:
    application = Reading()
    exchange = Exchange([*unfinished(b"in ", b"pieces"), *body_messages(b"")])

    serve(application).answer(with_length(9), exchange)

    assert (application.body, exchange.received) == (b"in pieces", 2)


def test_a_connection_is_let_go_though_somebody_still_holds_the_request(serve: Serve) -> None:
    held: list[dict[str, Any]] = []

    def hold(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        held.append(environ)
        start_response("204 NO CONTENT", [])
        return []

    def serve_one(let_go: threading.Event) -> None:
        exchange = Exchange(unfinished(b"some of "))
        serve(hold, never_blocks=False).answer(with_length(9), exchange)
        weakref.finalize(exchange, let_go.set)

    let_go = threading.Event()
    serve_one(let_go)

    assert len(held) == 1
    # The thread that answered ends a moment after its answer has come.
    assert let_go.wait(timeout=10)
