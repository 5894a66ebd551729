"""The body of a request as the file that WSGI wants, read by a thread while an event loop receives it."""

import asyncio
import io
from typing import Any

from werkzeug.exceptions import ClientDisconnected

from api.refusals import LEAST_BYTES_PER_SECOND, RequestTooSlow


class BodyStream(io.RawIOBase):
    """A body that comes in pieces; it never holds more than one piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receive: Any, *, patience_seconds: float) -> None:
        """patience_seconds: how long the client may keep us waiting in all, and longer only at the least rate."""
        super().__init__()
        self._loop = loop
        self._receive = receive
        self._piece = memoryview(b"")
        self._has_more = True
        self._patience_seconds = patience_seconds
        self._left_seconds = patience_seconds
        self._is_too_slow = False
        self._watch: asyncio.Task[None] | None = None
        #: The client hung up.
        self.client_is_gone = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what has come, at least one byte before the end.

        Raises ClientDisconnected or RequestTooSlow, and then again whenever more is asked for.
        """
        while not self._piece and self._has_more:
            self._take_next()
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def _take_next(self) -> None:
        if self.client_is_gone:
            raise ClientDisconnected
        if self._is_too_slow:
            raise RequestTooSlow(self._patience_seconds)
        try:
            message = asyncio.run_coroutine_threadsafe(self._receive_message(), self._loop).result()
        except TimeoutError as error:
            self._is_too_slow = True
            raise RequestTooSlow(self._patience_seconds) from error
        if message["type"] == "http.disconnect":
            self.client_is_gone = True
            raise ClientDisconnected
        self._has_more = message.get("more_body", False)
        self._piece = memoryview(message.get("body", b""))

    async def _receive_message(self) -> Any:
        began = self._loop.time()
        async with asyncio.timeout(self._left_seconds):
            message = await self._receive()
        # Who sends a byte now and then uses up its time as one who sends nothing.
        left = self._left_seconds - (self._loop.time() - began)
        earned = len(message.get("body", b"")) / LEAST_BYTES_PER_SECOND
        self._left_seconds = min(self._patience_seconds, left + earned)
        return message

    def watch_client(self) -> None:
        """Notice from now on when the client hangs up, and read no more of the body; call it on the loop."""
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._wait_for_end())

    def let_go(self) -> None:
        """End the watch, and let go of the connection, which is not closed before; call it on the loop.

        An error of the request may hold this body until the next collection of garbage.
        """
        if self._watch is not None:
            self._watch.cancel()
        self._receive = None

    async def _wait_for_end(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.client_is_gone = True


class LateBody(io.RawIOBase):
    """A body that did not come in time: says so to whoever reads it."""

    def __init__(self, patience_seconds: float) -> None:
        super().__init__()
        self._patience_seconds = patience_seconds

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: Any) -> int:
        """Raise RequestTooSlow."""
        raise RequestTooSlow(self._patience_seconds)
