"""One request to a receiver, to an address that was looked up once and may be connected to."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from typing import Any

from shared.webhooks import Address, DeliveryErrorCode, Network, Receiver, is_allowed

#: For the look-up of the name, and once more for everything from there to the end of the answer.
TIMEOUT_SECONDS = 5.0
#: Of the body of an answer; it is read for courtesy, and kept nowhere.
MOST_ANSWER_BYTES = 65_536

#: Looks up a name as `socket.getaddrinfo` does.
LookUp = Callable[..., Sequence[tuple[Any, ...]]]


class NotDelivered(Exception):
    """Raised when there is no answer; says why."""

    def __init__(self, code: DeliveryErrorCode) -> None:
        self.code = code
        super().__init__(code.value)


class Transport:
    """Posts to receivers. It follows no redirect and asks no proxy: both would choose another address.

    look_up: finds the addresses of a name. tls: what certificates are checked against.
    """

    def __init__(
        self,
        allowed: Sequence[Network],
        *,
        look_up: LookUp = socket.getaddrinfo,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._allowed = allowed
        self._look_up = look_up
        self._tls = tls or ssl.create_default_context()
        self._timeout_seconds = timeout_seconds

    def post(self, receiver: Receiver, body: bytes, headers: Mapping[str, str], *, turn: int = 0) -> int:
        """Return the status of the answer; raises NotDelivered.

        turn: which of several addresses to take; the next try takes the next one.
        """
        address = self._choose_address(receiver, turn)
        until = time.monotonic() + self._timeout_seconds
        try:
            return self._exchange(receiver, address, body, headers, until)
        except ssl.SSLCertVerificationError as error:
            raise NotDelivered(DeliveryErrorCode.CERTIFICATE_INVALID) from error
        except (OSError, HTTPException) as error:
            is_late = isinstance(error, TimeoutError) or time.monotonic() >= until
            code = DeliveryErrorCode.TIMED_OUT if is_late else DeliveryErrorCode.CONNECTION_FAILED
            raise NotDelivered(code) from error

    def _choose_address(self, receiver: Receiver, turn: int) -> Address:
        """Look up the name, once. One address that is not allowed condemns the others: such a name is a trick."""
        try:
            found = self._look_up_in_time(receiver)
        except (OSError, UnicodeError) as error:
            raise NotDelivered(DeliveryErrorCode.NAME_NOT_RESOLVED) from error
        # An address of a link comes with its zone, which only means something on this machine.
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        if not all(self._may_connect(receiver, address) for address in addresses):
            raise NotDelivered(DeliveryErrorCode.ADDRESS_REFUSED)
        if not addresses:
            raise NotDelivered(DeliveryErrorCode.NAME_NOT_RESOLVED)
        return addresses[turn % len(addresses)]

    def _look_up_in_time(self, receiver: Receiver) -> Sequence[tuple[Any, ...]]:
        """Look up the name; raises what the look-up does, and NotDelivered when it takes too long.

        The C library has no limit that could be set for one look-up, and whoever chose the name also chose its name
        server. What is not waited for any more ends when the C library gives up.
        """
        answer: Future[Sequence[tuple[Any, ...]]] = Future()

        def look_up() -> None:
            try:
                answer.set_result(self._look_up(receiver.host, receiver.port, type=socket.SOCK_STREAM))
            except Exception as error:
                answer.set_exception(error)

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        try:
            return answer.result(self._timeout_seconds)
        except TimeoutError:
            raise NotDelivered(DeliveryErrorCode.TIMED_OUT) from None

    def _may_connect(self, receiver: Receiver, address: Address) -> bool:
        if receiver.scheme == "http":
            return any(address in network for network in self._allowed)
        return is_allowed(address, self._allowed)

    def _exchange(
        self, receiver: Receiver, address: Address, body: bytes, headers: Mapping[str, str], until: float
    ) -> int:
        raw = socket.create_connection((str(address), receiver.port), timeout=self._timeout_seconds)
        with closing(raw), _cut_off(raw, until):
            # It speaks HTTP, and connects nowhere itself: its socket is given.
            connection = HTTPConnection(receiver.host, receiver.port)
            connection.sock = self._secure(raw, receiver)
            with closing(connection):
                connection.request("POST", receiver.target, body, dict(headers))
                with connection.getresponse() as answer:
                    if time.monotonic() >= until:
                        # What was cut off in its headers looks whole.
                        raise TimeoutError
                    with suppress(OSError, HTTPException):
                        answer.read(MOST_ANSWER_BYTES)
                    return answer.status

    def _secure(self, raw: socket.socket, receiver: Receiver) -> socket.socket:
        if receiver.scheme == "http":
            return raw
        return self._tls.wrap_socket(raw, server_hostname=receiver.host)


@contextmanager
def _cut_off(connection: socket.socket, until: float) -> Iterator[None]:
    """End the connection when the time is over: a receiver that sends a byte now and then meets no other limit."""
    # TLS takes the socket over, so it is ended by a handle of its own.
    with socket.socket(fileno=socket.dup(connection.fileno())) as handle:
        timer = threading.Timer(max(until - time.monotonic(), 0.0), _shut_down, [handle])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _shut_down(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
