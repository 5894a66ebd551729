"""A proxy in front of a moto server: counts what is asked of SQS, refuses what no policy allows, fails when told to."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.moto_process import MotoProcess, free_port

#: What docs/how-to/run-on-sqs.md lets API and workers do.
ALLOWED = {"SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"}


@dataclass(frozen=True, slots=True)
class Failure:
    """How SQS answers instead of doing what it was asked."""

    status: int
    code: str


DENIED = Failure(403, "AccessDenied")
THROTTLED = Failure(400, "RequestThrottled")
BROKEN = Failure(500, "InternalFailure")


@dataclass
class SqsProxy:
    """Stands in the place of the server that it forwards to."""

    moto: MotoProcess
    port: int = field(default_factory=free_port)
    #: Actions that were asked for, done or not.
    asked: Counter[str] = field(default_factory=Counter)
    #: Failures that were answered, by what they say.
    failed: Counter[Failure] = field(default_factory=Counter)
    #: Failures by action.
    failing: dict[str, Failure] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextmanager
    def run(cls, moto: MotoProcess) -> Iterator[Self]:
        proxy = cls(moto)
        server = _Server(("127.0.0.1", proxy.port), proxy)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
            server.server_close()

    def find_failure(self, action: str) -> Failure | None:
        """Count the action, and return how it fails."""
        self.asked[action] += 1
        failure = self.failing.get(action) or (None if action in ALLOWED else DENIED)
        if failure:
            self.failed[failure] += 1
        return failure


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: Long polls are left to the end of the test process.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: SqsProxy) -> None:
        super().__init__(address, _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of long polls are killed by tests, which is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers["X-Amz-Target"].removeprefix("AmazonSQS.")
        failure = self.server.proxy.find_failure(action)
        if failure:
            self._fail(failure)
        else:
            self._forward(body)

    def _fail(self, failure: Failure) -> None:
        text = json.dumps({"__type": f"com.amazonaws.sqs#{failure.code}", "message": "as told"}).encode()
        self._answer(failure.status, {"x-amzn-query-error": f"{failure.code};Sender"}, text)

    def _forward(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.proxy.moto.port, timeout=60)
        try:
            upstream.request("POST", self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower().startswith("x-amz")}
            self._answer(answer.status, kept, answer.read())
        finally:
            upstream.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """A test's own output is enough."""
