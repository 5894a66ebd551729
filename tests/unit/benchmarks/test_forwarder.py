"""The endpoint that chaos and failover tests put between clients and servers."""

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmarks.forwarder import Forwarder
from benchmarks.service import free_port

PATIENCE_SECONDS = 10.0
#: What passes a local connection takes far less; what does not come in it is held back.
SHORT_SECONDS = 0.2


class Echo:
    """A server that answers what it is told, behind its name."""

    def __init__(self, name: bytes) -> None:
        self._name = name
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while piece := connection.recv(100):
                connection.sendall(self._name + piece)

    def close(self) -> None:
        # Without it `accept` would go on.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def first() -> Iterator[Echo]:
    echo = Echo(b"first ")
    yield echo
    echo.close()


@pytest.fixture
def second() -> Iterator[Echo]:
    echo = Echo(b"second ")
    yield echo
    echo.close()


@pytest.fixture
def forwarder(first: Echo) -> Iterator[Forwarder]:
    with Forwarder.to(first.port) as forwarder:
        yield forwarder


@pytest.fixture
def client(forwarder: Forwarder) -> Iterator[socket.socket]:
    with connect(forwarder) as client:
        yield client


def connect(forwarder: Forwarder) -> socket.socket:
    return socket.create_connection(("127.0.0.1", forwarder.port), timeout=PATIENCE_SECONDS)


def ask(client: socket.socket, text: bytes, *, seconds: float = PATIENCE_SECONDS) -> bytes:
    client.sendall(text)
    client.settimeout(seconds)
    return client.recv(100)


def test_both_directions_are_forwarded(client: socket.socket) -> None:
    assert ask(client, b"a") == b"first a"


def test_only_new_connections_follow_a_move(forwarder: Forwarder, client: socket.socket, second: Echo) -> None:
    ask(client, b"a")

    forwarder.move(second.port)

    with connect(forwarder) as later:
        assert ask(later, b"b") == b"second b"
    assert ask(client, b"c") == b"first c"


@pytest.mark.parametrize("questions", [True, False], ids=["both directions", "answers only"])
def test_a_frozen_connection_is_silent_and_goes_on_when_it_thaws(
    forwarder: Forwarder, client: socket.socket, questions: bool
) -> None:
    forwarder.freeze(questions=questions)
    with pytest.raises(TimeoutError):
        ask(client, b"a", seconds=SHORT_SECONDS)

    forwarder.thaw()

    client.settimeout(PATIENCE_SECONDS)
    assert client.recv(100) == b"first a"


def test_an_abandoned_connection_stays_silent_and_a_new_one_is_not(forwarder: Forwarder, client: socket.socket) -> None:
    ask(client, b"a")

    forwarder.abandon()

    with connect(forwarder) as later:
        assert ask(later, b"b") == b"first b"
    with pytest.raises(TimeoutError):
        ask(client, b"c", seconds=SHORT_SECONDS)


def test_a_cut_ends_connections_and_lets_clients_come_again(forwarder: Forwarder, client: socket.socket) -> None:
    ask(client, b"a")

    forwarder.cut()

    assert client.recv(100) == b""
    with connect(forwarder) as later:
        assert ask(later, b"b") == b"first b"


def test_clients_of_a_server_that_is_gone_are_sent_away() -> None:
    with Forwarder.to(free_port()) as forwarder, connect(forwarder) as client:
        assert client.recv(100) == b""
