"""The ASGI application: Flask, on the event loop where a view does not block, and in a thread where it may."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api.body_stream import BodyStream, LateBody
from api.greenlets import GreenletHost

WsgiApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Message = dict[str, Any]
Headers = list[tuple[bytes, bytes]]
#: Status, headers and body.
Answer = tuple[int, Headers, bytes]
#: Answers a request, or returns what to add to its environment; its greenlets run in the host.
Express = Callable[[Message, bytes, GreenletHost], Awaitable[Answer | dict[str, Any]]]

#: Largest body that is read and checked on the event loop: it bounds the time for which others stand still.
LOOP_BODY_BYTES = 16_384


class FlaskOnLoop:
    """Serves a WSGI application as an ASGI one (HTTP only, without `lifespan`)."""

    def __init__(
        self,
        application: WsgiApplication,
        *,
        threads: int,
        patience_seconds: float,
        never_blocks: Callable[[str, str], bool],
        express: Express,
    ) -> None:
        """Serve an application.

        patience_seconds: how long a client may keep us waiting for its body.
        never_blocks: says of method and path whether their view waits only for flags and in `call_blocking`.
        express: answers such a request instead of the application.
        """
        self._application = application
        self._express = express
        self._never_blocks = never_blocks
        self._patience_seconds = patience_seconds
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._greenlets = GreenletHost(self._threads)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        body_bytes = _find_body_bytes(scope["headers"])
        is_small = body_bytes is not None and body_bytes <= LOOP_BODY_BYTES
        if not is_small or not self._never_blocks(scope["method"], scope["path"]):
            await self._answer_in_thread(scope, receive, send)
            return
        late = None
        try:
            body = await _read_body(receive, body_bytes, self._patience_seconds) if body_bytes else b""
        except TimeoutError:
            # Answered below: the error holds the connection, and would be the context of the next one.
            late, body = LateBody(self._patience_seconds), None
        if late is not None:
            await _send_answer(await self._greenlets.run(self._call, make_environ(scope, late)), send)
        elif body is not None:
            await self._answer_on_loop(scope, body, send)

    async def _answer_on_loop(self, scope: Message, body: bytes, send: Any) -> None:
        found = await self._express(scope, body, self._greenlets)
        if isinstance(found, dict):
            found = await self._greenlets.run(self._call, make_environ(scope, io.BytesIO(body)) | found)
        await _send_answer(found, send)

    def _call(self, environ: dict[str, Any]) -> Answer:
        """Return the whole answer of the WSGI application."""
        head: list[Any] = []
        pieces = self._application(environ, lambda *given: head.extend(given[:2]))
        try:
            answer = b"".join(pieces)
        finally:
            getattr(pieces, "close", _do_nothing)()
        return int(head[0][:3]), encode_headers(head[1]), answer

    async def _answer_in_thread(self, scope: Message, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        body = BodyStream(loop, receive, patience_seconds=self._patience_seconds)
        try:
            await loop.run_in_executor(self._threads, _Answer(loop, send, body).give, self._application, scope)
        finally:
            body.let_go()


class _Answer:
    """One answer that a thread gives piece by piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Any, body: BodyStream) -> None:
        self._loop = loop
        self._send = send
        self._body = body
        self._head: Message | None = None

    def give(self, application: WsgiApplication, scope: Message) -> None:
        """Call the application and send what it yields, until it is done or its client is gone."""
        pieces = application(make_environ(scope, self._body), self._start)
        try:
            held = b""
            for piece in pieces:
                # One piece is held back, so that an answer of a single piece leaves as a whole.
                if held:
                    self._pass_on(held, has_more=True)
                    if self._body.client_is_gone:
                        return
                held = piece
            self._pass_on(held, has_more=False)
        finally:
            getattr(pieces, "close", _do_nothing)()

    def _start(self, status: str, headers: list[tuple[str, str]], _error: Any = None) -> None:
        self._head = {"type": "http.response.start", "status": int(status[:3]), "headers": encode_headers(headers)}

    def _pass_on(self, piece: bytes, *, has_more: bool) -> None:
        asyncio.run_coroutine_threadsafe(self._send_messages(piece, has_more=has_more), self._loop).result()

    async def _send_messages(self, piece: bytes, *, has_more: bool) -> None:
        if self._head is not None:
            await self._send(self._head)
            self._head = None
            if has_more:
                self._body.watch_client()
        await self._send({"type": "http.response.body", "body": piece, "more_body": has_more})


def make_environ(scope: Message, body: io.IOBase) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333) of an ASGI request."""
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name:
            # It would look like another header, and perhaps one that a proxy before us sets or removes.
            continue
        name = "HTTP_" + raw_name.decode("latin-1").upper().replace("-", "_")
        if name in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
            name = name[5:]
        value = raw_value.decode("latin-1")
        environ[name] = f"{environ[name]},{value}" if name in environ else value
    if "CONTENT_LENGTH" not in environ:
        # It ends where the stream does. Were this said of others, Werkzeug would refuse one of the very length allowed.
        environ["wsgi.input_terminated"] = True
    return environ


def encode_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Return headers as ASGI has them: bytes, names in lower case."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _send_answer(answer: Answer, send: Any) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _read_body(receive: Any, size: int, patience_seconds: float) -> bytes | None:
    """Return the body of so many bytes; None when its client is gone before its end. Raises TimeoutError."""
    async with asyncio.timeout(patience_seconds):
        message = await receive()
        body: bytes = message.get("body", b"")
        # The server would say in a message of its own that nothing follows the last byte.
        while len(body) < size and message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
    return None if message["type"] == "http.disconnect" else body


def _find_body_bytes(headers: Headers) -> int | None:
    """Return the length of the body; None when it is not known. In HTTP/1 none is announced where there is none."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
        if name == b"transfer-encoding":
            return None
    return 0


def _do_nothing() -> None:
    """Stand in for the `close` that an iterable may have."""
