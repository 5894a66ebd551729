"""A receiver of webhooks: a real web server that answers as a test tells it, and remembers what came."""

import datetime
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_b3RoZXItc2VjcmV0LW9mLXRoZS10ZXN0cw=="


@dataclass(frozen=True, slots=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WebhookReceiver:
    """What it is to answer, and what it was sent."""

    port: int
    scheme: str = "http"
    #: Statuses of the next answers; the last one stays.
    statuses: list[int] = field(default_factory=lambda: [204])
    answer_headers: dict[str, str] = field(default_factory=dict)
    #: It answers only while this is set.
    may_answer: threading.Event = field(default_factory=threading.Event)
    _received: "queue.Queue[Received]" = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook?key=of-the-receiver"

    def take(self, *, seconds: float = 20.0) -> Received:
        """Return the next request; raises queue.Empty when none comes."""
        return self._received.get(timeout=seconds)

    @property
    def is_idle(self) -> bool:
        """Nothing has come that was not taken."""
        return self._received.empty()

    def note(self, received: Received) -> int:
        """Remember a request, and return the status to answer."""
        self._received.put(received)
        self.may_answer.wait(60)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


class _Handler(BaseHTTPRequestHandler):
    receiver: WebhookReceiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.receiver.note(Received(self.path, headers, body))
        self.send_response(status)
        for name, value in self.receiver.answer_headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self.receiver.note(Received(self.path, {}, b""))
        self.send_error(405)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the parameter is given
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of senders that hang up."""


@contextmanager
def running_receiver(*, certificate: Path | None = None, port: int = 0) -> Iterator[WebhookReceiver]:
    """Serve for the time of the block. certificate: file with a certificate and its key, to speak TLS."""
    with _Server(("127.0.0.1", port), _Handler) as server:
        receiver = WebhookReceiver(server.server_address[1], "https" if certificate else "http")
        receiver.may_answer.set()
        server.RequestHandlerClass = type("Handler", (_Handler,), {"receiver": receiver})
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.may_answer.set()
            server.shutdown()
            thread.join()


def make_certificate(path: Path, name: str) -> Path:
    """Write a certificate for a host name that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path
