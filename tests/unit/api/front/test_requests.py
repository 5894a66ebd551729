"""What an application learns of a request, and where it runs."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected

from api.flag import Flag
from api.flask_on_loop import LOOP_BODY_BYTES
from tests.asgi import PATIENCE_SECONDS, Exchange, body_messages, scope
from tests.unit.api.front.conftest import Serve

Environ = dict[str, Any]


class Noting:
    """An application that answers nothing, and notes its environment, the body and the thread it runs in."""

    def __init__(self) -> None:
        self.environ: Environ = {}
        self.body: bytes | None = None
        self.thread: int | None = None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        self.thread = threading.get_ident()
        self.body = environ["wsgi.input"].read()
        start_response("204 NO CONTENT", [])
        return []

    @property
    def is_on_loop(self) -> bool:
        return self.thread == threading.get_ident()


@pytest.fixture
def noting() -> Noting:
    return Noting()


def with_length(size: int | str) -> Environ:
    return scope("POST", "/", headers=[(b"content-length", str(size).encode())])


def test_a_request_that_never_blocks_runs_on_the_loop(serve: Serve, noting: Noting) -> None:
    serve(noting).request("POST", "/", b"small")

    assert noting.is_on_loop


def test_a_request_that_may_block_runs_in_a_thread(serve: Serve, noting: Noting) -> None:
    serve(noting, never_blocks=False).request("POST", "/", b"small")

    assert not noting.is_on_loop


@pytest.mark.parametrize(
    ("size", "is_on_loop"),
    [
        pytest.param(LOOP_BODY_BYTES, True, id="the largest on the loop"),
        pytest.param(LOOP_BODY_BYTES + 1, False, id="one byte more"),
    ],
)
def test_a_large_body_is_read_and_checked_in_a_thread(
    serve: Serve, noting: Noting, size: int, *, is_on_loop: bool
) -> None:
    serve(noting).request("POST", "/", b"x" * size)

    assert (noting.is_on_loop, noting.body) == (is_on_loop, b"x" * size)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(scope("POST", "/", headers=[(b"transfer-encoding", b"chunked")]), id="chunked"),
        pytest.param(with_length("-5"), id="a length below zero"),
        pytest.param(with_length("many"), id="a length that is no number"),
        pytest.param(with_length("\xb2"), id="a digit that is no number"),
    ],
)
def test_a_body_of_unknown_length_is_read_to_its_end_in_a_thread(serve: Serve, noting: Noting, asked: Environ) -> None:
    serve(noting).answer(asked, Exchange(body_messages(b"in ", b"pieces")))

    assert (noting.is_on_loop, noting.body) == (False, b"in pieces")


def test_a_body_that_comes_in_pieces_is_whole(serve_either_way: Serve, noting: Noting) -> None:
    exchange = Exchange(body_messages(b"in ", b"", b"pieces", b""))

    serve_either_way(noting).answer(with_length(9), exchange)

    assert noting.body == b"in pieces"


def test_a_request_that_announces_no_body_has_none_and_is_not_read(serve: Serve, noting: Noting) -> None:
    exchange = Exchange(body_messages(b"ignored"))

    serve(noting).answer(scope("GET", "/"), exchange)

    assert (noting.is_on_loop, noting.body, exchange.received) == (True, b"", 0)


def test_a_request_without_a_body_has_an_empty_one(serve_either_way: Serve, noting: Noting) -> None:
    serve_either_way(noting).answer(scope("GET", "/"))

    assert noting.body == b""


def test_a_thread_holds_no_more_of_a_body_than_one_piece(serve: Serve) -> None:
    exchange = Exchange(body_messages(b"abc", b"def", b"ghi"))
    read: list[tuple[bytes, int]] = []

    def read_slowly(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        read.extend((stream.read(size), exchange.received) for size in (2, 5, 9, 9, 9))
        start_response("204 NO CONTENT", [])
        return []

    serve(read_slowly, never_blocks=False).answer(with_length(9), exchange)

    assert read == [(b"ab", 1), (b"c", 1), (b"def", 2), (b"ghi", 3), (b"", 3)]


@pytest.mark.parametrize("pieces", [(), (b"some of ",)], ids=["before it", "within it"])
def test_a_body_that_is_cut_off_never_reaches_the_application_on_the_loop(
    serve: Serve, noting: Noting, pieces: tuple[bytes, ...]
) -> None:
    answer = serve(noting).answer(with_length(9), Exchange(body_messages(*pieces, is_cut_off=True)))

    assert (noting.thread, answer.sent) == (None, [])


@pytest.mark.parametrize("pieces", [(), (b"some of ",)], ids=["before it", "within it"])
def test_a_body_that_is_cut_off_is_no_whole_one_in_a_thread(serve: Serve, pieces: tuple[bytes, ...]) -> None:
    ends: list[object] = []

    def read_twice(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        stream = environ["wsgi.input"]
        for _ in range(2):
            with pytest.raises(ClientDisconnected) as cut_off:
                stream.read()
            ends.append(cut_off.type)
        start_response("400 BAD REQUEST", [])
        return []

    serve(read_twice, never_blocks=False).answer(with_length(9), Exchange(body_messages(*pieces, is_cut_off=True)))

    assert ends == [ClientDisconnected] * 2


def test_the_environment_says_what_was_asked_by_whom(serve_either_way: Serve, noting: Noting) -> None:
    serve_either_way(noting).request("PATCH", "/v1/models", query=b"version=1&x=%C3%A9")

    names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "REMOTE_ADDR")
    assert [noting.environ[name] for name in names] == [
        "PATCH",
        "",
        "/v1/models",
        "version=1&x=%C3%A9",
        "HTTP/1.1",
        "192.0.2.7",
    ]
    assert (noting.environ["SERVER_NAME"], noting.environ["SERVER_PORT"]) == ("localhost", "80")


def test_a_server_on_a_socket_without_addresses_has_some_name(serve_either_way: Serve, noting: Noting) -> None:
    serve_either_way(noting).answer(scope() | {"server": None, "client": None})

    assert (noting.environ["SERVER_NAME"], noting.environ["REMOTE_ADDR"]) == ("localhost", "")


def test_a_path_is_utf_8_in_latin_1_as_wsgi_wants_it(serve_either_way: Serve, noting: Noting) -> None:
    serve_either_way(noting).answer(scope("GET", "/größe/☃/a b%"))

    assert noting.environ["PATH_INFO"].encode("latin-1").decode() == "/größe/☃/a b%"


def test_a_query_keeps_its_bytes(serve_either_way: Serve, noting: Noting) -> None:
    serve_either_way(noting).answer(scope("GET", "/", query=bytes(range(128, 256))))

    assert noting.environ["QUERY_STRING"].encode("latin-1") == bytes(range(128, 256))


def test_headers_have_the_names_that_wsgi_gives_them(serve_either_way: Serve, noting: Noting) -> None:
    headers = {"Content-Type": "text/csv", "X-Request-Id": "r1", "Prefer": "wait=\xe9"}

    serve_either_way(noting).request("POST", "/", b"four", headers=headers)

    names = ("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_X_REQUEST_ID", "HTTP_PREFER")
    assert [noting.environ[name] for name in names] == ["text/csv", "4", "r1", "wait=\xe9"]
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & noting.environ.keys()


def test_a_header_that_comes_more_than_once_is_joined_in_order(serve_either_way: Serve, noting: Noting) -> None:
    headers = [("Prefer", "wait=1"), ("Accept", "*/*"), ("Prefer", "return=minimal"), ("Prefer", "wait=2")]

    serve_either_way(noting).request("POST", "/", headers=headers)

    assert noting.environ["HTTP_PREFER"] == "wait=1,return=minimal,wait=2"


def test_an_underscore_does_not_make_one_header_look_like_another(serve_either_way: Serve, noting: Noting) -> None:
    headers = [("content_length", "1"), ("content_type", "text/csv"), ("x_request_id", "forged")]

    serve_either_way(noting).request("POST", "/", b"four", headers=headers)

    assert noting.environ["CONTENT_LENGTH"] == "4"
    assert not {"CONTENT_TYPE", "HTTP_X_REQUEST_ID"} & noting.environ.keys()


def test_express_is_given_the_request_and_its_whole_body(serve: Serve, noting: Noting) -> None:
    given: list[tuple[str, bytes]] = []

    def express(asked: Environ, body: bytes) -> Environ:
        given.append((asked["path"], body))
        return {}

    serve(noting, express=express).answer(
        scope("POST", "/a", headers=[(b"content-length", b"9")]), Exchange(body_messages(b"in ", b"pieces"))
    )

    assert given == [("/a", b"in pieces")]


def test_what_express_answers_never_reaches_the_application(serve: Serve, noting: Noting) -> None:
    express = lambda _asked, _body: (201, [(b"location", b"/b")], b"made")  # noqa: E731

    answer = serve(noting, express=express).request("POST", "/")

    assert (answer.status, answer.headers, answer.body) == (201, [("location", "/b")], b"made")
    assert noting.thread is None


def test_what_express_has_found_is_in_the_environment(serve: Serve, noting: Noting) -> None:
    serve(noting, express=lambda _asked, _body: {"found": 5}).request("POST", "/", b"body")

    assert (noting.environ["found"], noting.body) == (5, b"body")


def test_express_is_not_asked_of_a_request_that_may_block(serve: Serve, noting: Noting) -> None:
    asked: list[bytes] = []

    serve(noting, never_blocks=False, express=lambda _asked, body: asked.append(body)).request("POST", "/", b"body")

    assert (asked, noting.body) == ([], b"body")


def test_another_request_goes_on_while_one_waits(serve: Serve, noting: Noting) -> None:
    flag = Flag()
    order: list[str] = []

    def express(asked: Environ, _body: bytes) -> tuple[int, list[Any], bytes]:
        if asked["path"] == "/wait":
            assert flag.wait(PATIENCE_SECONDS)
        else:
            flag.set()
        order.append(asked["path"])
        return 200, [], b""

    requests = [(scope("POST", path, headers=[(b"content-length", b"0")]), Exchange()) for path in ("/wait", "/raise")]

    serve(noting, express=express).answer_all(*requests)

    assert order == ["/raise", "/wait"]
    assert [exchange.status for _, exchange in requests] == [200, 200]
