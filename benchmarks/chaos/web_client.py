"""One connection to one API process: what came back, or how it failed."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass

#: A request that takes longer counts as not answered.
ANSWER_SECONDS = 20.0


class NoAnswer(Exception):
    """Raised when no answer came; the message is the kind of failure."""

    def __init__(self, kind: str, *, may_have_arrived: bool) -> None:
        super().__init__(kind)
        #: False when nobody listened, so that nothing can have happened.
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class WebClient:
    """Keeps its connection. For one thread."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> WebAnswer:
        """Send a request and return its answer; raises NoAnswer."""
        try:
            if self._connection.sock is None:
                self._connection.connect()
        except OSError as error:
            self._connection.close()
            raise NoAnswer(_name(error), may_have_arrived=False) from error
        try:
            self._connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = self._connection.getresponse()
            return WebAnswer(answer.status, dict(answer.headers.items()), answer.read())
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswer(_name(error), may_have_arrived=True) from error

    def close(self) -> None:
        self._connection.close()


def _name(error: Exception) -> str:
    return "timeout" if isinstance(error, socket.timeout) else type(error).__name__
