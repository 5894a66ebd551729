"""An HTTP server in a few lines, for ASGI applications: requests go in as messages, and what comes out is kept."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0

Message = dict[str, Any]
AsgiApplication = Callable[[Message, Any, Any], Awaitable[None]]
HUNG_UP: Message = {"type": "http.disconnect"}


def scope(
    method: str = "GET", path: str = "/", *, query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None
) -> Message:
    """Return what a server says of a request before its body; the path is decoded, as ASGI has it."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query,
        "headers": headers or [],
        "client": ("192.0.2.7", 50_000),
        "server": ("localhost", 80),
    }


def body_messages(*pieces: bytes, is_cut_off: bool = False) -> list[Message]:
    """Return the messages of a body that comes in pieces."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if is_cut_off:
        return [*messages, HUNG_UP]
    messages[-1]["more_body"] = False
    return messages


@dataclass
class Exchange:
    """One request: the server's side of `receive` and `send`. The client hangs up when a test says so."""

    messages: list[Message] = field(default_factory=lambda: body_messages(b""))
    sent: list[Message] = field(default_factory=list)
    #: Called with each message that the application sends, before it counts as sent.
    on_send: Callable[[Message], Awaitable[None]] | None = None
    received: int = 0

    def __post_init__(self) -> None:
        self._messages = deque(self.messages)
        self._has_hung_up = asyncio.Event()

    def hang_up(self) -> None:
        self._has_hung_up.set()

    async def receive(self) -> Message:
        if not self._messages:
            await self._has_hung_up.wait()
            return HUNG_UP
        self.received += 1
        return self._messages.popleft()

    async def send(self, message: Message) -> None:
        if self.on_send is not None:
            await self.on_send(message)
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers, by name."""
        return sorted((name.decode("latin-1"), value.decode("latin-1")) for name, value in self.sent[0]["headers"])

    @property
    def pieces(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


class AsgiServer:
    """Serves one application on a loop of its own."""

    def __init__(self, application: AsgiApplication) -> None:
        self._application = application
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def answer(self, asked: Message, exchange: Exchange | None = None) -> Exchange:
        """Have one request answered; raises what the application raises."""
        exchange = exchange or Exchange()
        self.answer_all((asked, exchange))
        return exchange

    def answer_all(self, *asked: tuple[Message, Exchange]) -> None:
        """Have requests answered that begin in this order, and go on together."""
        self._runner.run(self._answer_all(asked))

    async def _answer_all(self, asked: tuple[tuple[Message, Exchange], ...]) -> None:
        answers = (self._application(one, exchange.receive, exchange.send) for one, exchange in asked)
        await asyncio.wait_for(asyncio.gather(*answers), PATIENCE_SECONDS)

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: bytes = b"",
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    ) -> Exchange:
        """Have a request with a body of a known length answered."""
        pairs = list(headers.items()) if isinstance(headers, Mapping) else headers or []
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
        raw.append((b"content-length", str(len(body)).encode()))
        return self.answer(scope(method, path, query=query, headers=raw), Exchange(body_messages(body)))
