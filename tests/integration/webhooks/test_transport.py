"""A request goes to the address that was checked, in bounded time, and nowhere else."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from shared.webhooks import DeliveryErrorCode, Receiver
from tests.webhook_receiver import WebhookReceiver, make_certificate, running_receiver
from worker.webhooks.transport import NotDelivered, Transport

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]
NAME = "receiver.example"


class Names:
    """A resolver that answers with the next of several lists of addresses each time."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_options: object) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self._answers.pop(0)]


def at(receiver: WebhookReceiver, host: str = NAME) -> Receiver:
    return Receiver(receiver.scheme, host, receiver.port, "/hook?key=1")


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[Receiver]:
    """Take one connection and let `talk` answer on it."""

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Receiver("http", "127.0.0.1", listener.getsockname()[1], "/")
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def say_nothing(connection: socket.socket) -> None:
    """Read what comes until the other side hangs up."""
    while connection.recv(65_536):
        pass


def drip(connection: socket.socket) -> None:
    """Send an endless header, a byte at a time."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.02)


def flood(connection: socket.socket) -> None:
    """Send an endless body."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"a" * 65_536)


def talk_nonsense(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"220 mail.example ESMTP\r\n")


def refusal(transport: Transport, receiver: Receiver) -> DeliveryErrorCode:
    with pytest.raises(NotDelivered) as caught:
        transport.post(receiver, b"{}", {})
    return caught.value.code


def test_a_receiver_gets_the_body_and_headers_under_its_own_name(receiver: WebhookReceiver) -> None:
    transport = Transport(LOOPBACK, look_up=Names(["127.0.0.1"]))

    status = transport.post(at(receiver), b'{"a": 1}', {"webhook-id": "msg_1"})

    received = receiver.take()
    assert status == 204
    assert (received.path, received.body) == ("/hook?key=1", b'{"a": 1}')
    assert (received.headers["host"], received.headers["webhook-id"]) == (f"{NAME}:{receiver.port}", "msg_1")


def test_a_name_is_looked_up_once_and_that_very_address_is_connected_to(receiver: WebhookReceiver) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])

    status = Transport(LOOPBACK, look_up=names).post(at(receiver), b"{}", {})

    assert (status, names.asked) == (204, [NAME])


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["10.0.0.1"], id="private"),
        pytest.param(["169.254.169.254"], id="metadata"),
        pytest.param(["169.254.170.2"], id="credentials of ECS"),
        pytest.param(["100.64.0.1"], id="carrier-grade NAT"),
        pytest.param(["::1"], id="IPv6 loopback"),
        pytest.param(["fe80::1%eth0"], id="IPv6 link-local with its zone"),
        pytest.param(["::ffff:10.0.0.1"], id="v4-mapped"),
        pytest.param(["64:ff9b::a00:1"], id="NAT64"),
        pytest.param(["93.184.216.34", "10.0.0.1"], id="a public address beside a private one"),
        pytest.param(["10.0.0.1", "93.184.216.34"], id="a private address beside a public one"),
    ],
)
def test_a_name_that_leads_to_a_forbidden_address_is_not_connected_to(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *target, **_: connected.append(target))

    code = refusal(Transport([], look_up=Names(addresses)), Receiver("https", NAME, 443, "/"))

    assert (code, connected) == (DeliveryErrorCode.ADDRESS_REFUSED, [])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "0"])
def test_what_the_c_library_takes_for_this_machine_is_not_connected_to(host: str) -> None:
    assert refusal(Transport([]), Receiver("https", host, 443, "/")) is DeliveryErrorCode.ADDRESS_REFUSED


def test_http_is_not_spoken_to_a_public_address() -> None:
    transport = Transport(LOOPBACK, look_up=Names(["93.184.216.34"]))

    assert refusal(transport, Receiver("http", NAME, 80, "/")) is DeliveryErrorCode.ADDRESS_REFUSED


def test_the_next_try_takes_the_next_address(receiver: WebhookReceiver) -> None:
    addresses = ["127.0.0.2", "127.0.0.1"]
    transport = Transport(LOOPBACK, look_up=Names(addresses, addresses))

    first = refusal(transport, at(receiver))
    second = transport.post(at(receiver), b"{}", {}, turn=1)

    assert (first, second) == (DeliveryErrorCode.CONNECTION_FAILED, 204)


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: WebhookReceiver) -> None:
    with running_receiver() as target:
        receiver.statuses, receiver.answer_headers = [302], {"Location": target.url}

        status = Transport(LOOPBACK).post(at(receiver, "127.0.0.1"), b"{}", {})

        assert (status, target.is_idle) == (302, True)


def test_no_proxy_is_asked(receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        Transport(LOOPBACK).post(at(receiver, "127.0.0.1"), b"{}", {})

        assert (receiver.take().path, proxy.is_idle) == ("/hook?key=1", True)


def test_a_certificate_is_checked_against_the_name_and_not_the_address(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "receiver.pem", NAME)
    with running_receiver(certificate=certificate) as receiver:
        tls = ssl.create_default_context(cafile=certificate)
        transport = Transport(LOOPBACK, look_up=Names(["127.0.0.1"], ["127.0.0.1"]), tls=tls)

        status = transport.post(at(receiver), b"{}", {})

        assert status == 204
        assert refusal(transport, at(receiver, "other.example")) is DeliveryErrorCode.CERTIFICATE_INVALID


def test_a_certificate_of_an_unknown_authority_is_not_taken(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "receiver.pem", NAME)
    with running_receiver(certificate=certificate) as receiver:
        transport = Transport(LOOPBACK, look_up=Names(["127.0.0.1"]))

        assert refusal(transport, at(receiver)) is DeliveryErrorCode.CERTIFICATE_INVALID
        assert receiver.is_idle


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        pytest.param(say_nothing, DeliveryErrorCode.TIMED_OUT, id="it never answers"),
        pytest.param(drip, DeliveryErrorCode.TIMED_OUT, id="it answers a byte at a time"),
        pytest.param(talk_nonsense, DeliveryErrorCode.CONNECTION_FAILED, id="it speaks another protocol"),
        pytest.param(socket.socket.close, DeliveryErrorCode.CONNECTION_FAILED, id="it hangs up"),
    ],
)
def test_a_receiver_that_does_not_answer_is_left_in_time(
    talk: Callable[[socket.socket], None], code: DeliveryErrorCode
) -> None:
    with serving(talk) as receiver:
        assert refusal(Transport(LOOPBACK, timeout_seconds=0.5), receiver) is code


def test_a_handshake_that_never_ends_is_left_in_time() -> None:
    with serving(say_nothing) as receiver:
        secure = Receiver("https", receiver.host, receiver.port, "/")

        assert refusal(Transport(LOOPBACK, timeout_seconds=0.5), secure) is DeliveryErrorCode.TIMED_OUT


def test_an_endless_answer_is_cut_off() -> None:
    with serving(flood) as receiver:
        assert Transport(LOOPBACK).post(receiver, b"{}", {}) == 200


def test_a_receiver_that_refuses_connections_is_no_receiver() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        receiver = Receiver("http", "127.0.0.1", closed.getsockname()[1], "/")

        assert refusal(Transport(LOOPBACK), receiver) is DeliveryErrorCode.CONNECTION_FAILED


def test_a_name_that_leads_nowhere_is_said_to_be_so() -> None:
    def look_up(*_arguments: object, **_options: object) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    transport = Transport([], look_up=look_up)

    assert refusal(transport, Receiver("https", NAME, 443, "/")) is DeliveryErrorCode.NAME_NOT_RESOLVED


def test_a_look_up_that_never_ends_is_left_in_time() -> None:
    may_end = threading.Event()

    def hang(*_: object, **__: object) -> list[tuple[Any, ...]]:
        may_end.wait(60)
        return []

    transport = Transport(LOOPBACK, look_up=hang, timeout_seconds=0.2)
    began = time.monotonic()

    with pytest.raises(NotDelivered) as failure:
        transport.post(Receiver("http", NAME, 80, "/"), b"", {})

    may_end.set()
    assert failure.value.code is DeliveryErrorCode.TIMED_OUT
    assert time.monotonic() - began < 5
