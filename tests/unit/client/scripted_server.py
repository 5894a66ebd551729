"""A scripted HTTP server on the loopback interface, transports that fail, and time that passes without waiting."""

import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

#: Uploads are read in pieces of this size, and not kept.
PIECE_BYTES = 64 * 1024


@dataclass
class Uploaded:
    """What is remembered of an uploaded file."""

    size_bytes: int = 0
    #: Its first bytes.
    start: bytes = b""
    digest: Any = field(default_factory=hashlib.sha256)

    def take(self, piece: bytes) -> None:
        self.size_bytes += len(piece)
        self.start = self.start or piece[:1000]
        self.digest.update(piece)


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    #: The JSON document; None without one.
    body: Any = None
    #: The CSV file; None without one.
    upload: Uploaded | None = None


@dataclass
class Answer:
    """One answer of the script."""

    status: int
    body: bytes
    headers: dict[str, str]
    #: The connection breaks after so many bytes of the body.
    cut_after: int | None = None
    #: Whether a range of the body is sent when one is asked for.
    is_ranged: bool = False


@dataclass
class ScriptedServer:
    """Answers each request with the next of its script, and keeps what was asked."""

    url: str = ""
    script: list[Answer] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    #: Set when a request has arrived.
    asked: threading.Event = field(default_factory=threading.Event)
    #: Answers are held back until this is set.
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, document: dict[str, Any] | bytes, status: int = 200, **headers: str) -> None:
        """Add an answer to the script; a header is written with underscores."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append(Answer(status, body, named))

    def answer_file(
        self, content: bytes, *, cut_after: int | None = None, is_ranged: bool = True, **headers: str
    ) -> None:
        """Add a file to the script, from which a range can be asked for."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append(Answer(200, content, {"Content-Type": "text/csv", **named}, cut_after, is_ranged))


class ScriptedHandler(BaseHTTPRequestHandler):
    """Plays the script of its server."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        scripted: ScriptedServer = self.server.scripted  # type: ignore[attr-defined]
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers)
        if headers.get("content-type") == "text/csv":
            received.upload = Uploaded()
            for piece in self.read_pieces():
                received.upload.take(piece)
        else:
            received.body = json.loads(b"".join(self.read_pieces()) or b"null")
        scripted.requests.append(received)
        scripted.asked.set()
        scripted.released.wait(timeout=10)
        self.send_answer(self.choose_range(scripted.script.pop(0)))

    def read_pieces(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read(min(left, PIECE_BYTES))
            left = left - len(piece) if piece else 0
            yield piece

    def choose_range(self, answer: Answer) -> Answer:
        wanted, etag = self.headers.get("Range"), answer.headers.get("ETag")
        if not (answer.is_ranged and wanted) or self.headers.get("If-Range", etag) != etag:
            return answer
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        size_bytes = len(answer.body)
        headers = answer.headers | {"Content-Range": f"bytes {start}-{size_bytes - 1}/{size_bytes}"}
        return Answer(206, answer.body[start:], headers, answer.cut_after)

    def send_answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut_after])
        self.close_connection = answer.cut_after is not None

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class QuietServer(ThreadingHTTPServer):
    """Says nothing of a client that hangs up, which a test may do; the stream is the one that a command's output is."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running_server() -> Iterator[ScriptedServer]:
    """Serve on a free port until the block ends."""
    http_server = QuietServer(("127.0.0.1", 0), ScriptedHandler)
    scripted = ScriptedServer(url=f"http://127.0.0.1:{http_server.server_port}")
    scripted.released.set()
    http_server.scripted = scripted  # type: ignore[attr-defined]
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield scripted
    scripted.released.set()
    http_server.shutdown()
    thread.join()
    http_server.server_close()


@dataclass
class Time:
    """Passes without waiting, and remembers the pauses."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@dataclass
class Troubled(httpx2.BaseTransport):
    """Fails without looking at the request, as a connection that cannot be made; then passes requests on."""

    failures: list[Exception]
    transport: httpx2.BaseTransport = field(default_factory=httpx2.HTTPTransport)
    requests: int = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.transport.handle_request(request)

    def close(self) -> None:
        self.transport.close()


@dataclass
class Breaking(httpx2.BaseTransport):
    """Reads the first piece of an upload, and breaks."""

    requests: int = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        assert isinstance(request.stream, httpx2.SyncByteStream)
        next(iter(request.stream))
        raise httpx2.WriteError("Broken pipe")
