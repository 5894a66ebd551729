"""The body of a request as the file that WSGI wants, read by a thread while an event loop receives it."""

import asyncio
import io
from typing import Any

from werkzeug.exceptions import ClientDisconnected


class BodyStream(io.RawIOBase):
    """A body that comes in pieces; it never holds more than one piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Any) -> None:
        super().__init__()
        self._loop = loop
        self._receive = receive
        self._piece = memoryview(b"")
        self._has_more = True
        self._watch: asyncio.Task[None] | None = None
        #: The client hung up.
        self.client_is_gone = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what has come, at least one byte before the end; raises ClientDisconnected."""
        while not self._piece and self._has_more:
            self._take_next()
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def _take_next(self) -> None:
        if self.client_is_gone:
            raise ClientDisconnected
        message = asyncio.run_coroutine_threadsafe(self._receive_message(), self._loop).result()
        if message["type"] == "http.disconnect":
            self.client_is_gone = True
            raise ClientDisconnected
        self._has_more = message.get("more_body", False)
        self._piece = memoryview(message.get("body", b""))

    async def _receive_message(self) -> Any:
        # A server's awaitable need not be a coroutine.
        return await self._receive()

    def watch_client(self) -> None:
        """Notice from now on when the client hangs up, and read no more of the body; call it on the loop."""
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._wait_for_end())

    def forget_client(self) -> None:
        """End the watch; call it on the loop."""
        if self._watch is not None:
            self._watch.cancel()

    async def _wait_for_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_is_gone = True
