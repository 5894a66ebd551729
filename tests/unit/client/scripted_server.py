"""A real HTTP server on the loopback interface that answers from a script."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class ScriptedServer:
    """Answers each request with the next of its script, and keeps what was asked."""

    url: str = ""
    script: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    #: Set when a request has arrived.
    asked: threading.Event = field(default_factory=threading.Event)
    #: Answers are held back until this is set.
    released: threading.Event = field(default_factory=threading.Event)

    def answer(self, document: dict[str, Any] | bytes, status: int = 200, **headers: str) -> None:
        """Add an answer to the script; a header is written with underscores."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.script.append((status, body, named))


class ScriptedHandler(BaseHTTPRequestHandler):
    """Plays the script of its server."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        scripted: ScriptedServer = self.server.scripted  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        scripted.requests.append(Received(self.command, self.path, headers, json.loads(content or b"null")))
        scripted.asked.set()
        scripted.released.wait(timeout=10)
        status, body, headers = scripted.script.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = handle_any  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def running_server() -> Iterator[ScriptedServer]:
    """Serve on a free port until the block ends."""
    http_server = ThreadingHTTPServer(("127.0.0.1", 0), ScriptedHandler)
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
