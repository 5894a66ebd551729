"""Clients that send a byte now and then, and clients that take nothing of what they asked for."""

import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

#: A test that waits for so long has failed.
PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.2
#: What a client that takes nothing has room for.
_ROOM_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Drip:
    """How one kind of client sends: at once, then again and again."""

    beginning: bytes
    drop: bytes


def begin_request(path: str, media_type: str, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {media_type}", *more, "", ""]
    return "\r\n".join(lines).encode()


CSV = b"name,height,weight,shoe_size,note\nAda,181,80,44,x\n"
FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + CSV
#: Each way to keep a server waiting.
DRIPS = {
    "a head": Drip(b"POST /v1/predictions HTTP/1.1\r\nX-Long: ", b"x"),
    "JSON": Drip(begin_request("/v1/predictions", "application/json", "Content-Length: 9000") + b"{", b" "),
    "JSON in chunks": Drip(
        begin_request("/v1/predictions", "application/json", "Transfer-Encoding: chunked") + b"1\r\n{\r\n",
        b"1\r\n \r\n",
    ),
    "a file": Drip(
        begin_request("/v1/batches?model=gender", "text/csv", "Content-Length: 90000000") + CSV * 24_000, b"x"
    ),
    "a form": Drip(
        begin_request("/v1/batches?model=gender", "multipart/form-data; boundary=x", "Content-Length: 90000000") + FORM,
        b"x",
    ),
}


class Crowd:
    """Many slow clients of each kind, until the server has had enough of them."""

    def __init__(self, address: tuple[str, int], drips: Iterable[Drip], *, each: int) -> None:
        self._drips = [drip for drip in drips for _ in range(each)]
        self._sockets = [socket.create_connection(address, PATIENCE_SECONDS) for _ in self._drips]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def __enter__(self) -> Self:
        for sock, drip in zip(self._sockets, self._drips, strict=True):
            sock.sendall(drip.beginning)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _drip(self) -> None:
        waiting = dict(zip(self._sockets, self._drips, strict=True))
        while waiting and not self._is_over.wait(_PAUSE_SECONDS):
            # Who has an answer, or was hung up on, sends no more: it could lose the answer.
            for sock in readable(list(waiting)):
                del waiting[sock]
            for sock, drip in waiting.items():
                sock.sendall(drip.drop)

    def answers(self) -> list[bytes]:
        """Return what each client got before the server hung up on it; raises TimeoutError if one never is."""
        return [read_to_end(sock) for sock in self._sockets]


def readable(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN)
    found = {descriptor for descriptor, _ in poll.poll(0)}
    return [sock for sock in sockets if sock.fileno() in found]


def read_to_end(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


@contextmanager
def idle_downloads(address: tuple[str, int], path: str, count: int) -> Iterator[list[socket.socket]]:
    """Clients that ask for something large and take nothing of it."""
    with ExitStack() as opened:
        sockets = []
        for _ in range(count):
            sock = opened.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
            sock.settimeout(PATIENCE_SECONDS)
            sock.connect(address)
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            sockets.append(sock)
        yield sockets


def is_held_open(sock: socket.socket) -> bool:
    """Say whether the server still has its side of a connection after a while."""
    mine, theirs = sock.getsockname()[1], sock.getpeername()[1]
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if not any(row[1].endswith(f":{theirs:04X}") and row[2].endswith(f":{mine:04X}") for row in rows):
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
