"""Carries flows out without blocking the event loop; otherwise as `exchange`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio.to_thread
import httpx2

from rowcall_client.connection import Connection
from rowcall_client.errors import ConnectionFailed, ProblemError, RowcallError
from rowcall_client.event_stream import Event, EventFeed
from rowcall_client.repeats import send_until_answered
from rowcall_client.uploads import Upload
from rowcall_client.wire import Answer, Attempt, Flow, Pause, Receive, Request, Step, Value


class AsyncExchange:
    """Sends requests to one server."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx2.AsyncBaseTransport | None,
        sleep: Callable[[float], Awaitable[object]],
        chance: Callable[[], float],
    ) -> None:
        """As for `Exchange`."""
        self.connection = connection
        self._sleep = sleep
        self._chance = chance
        self._http = httpx2.AsyncClient(base_url=connection.url, headers=connection.headers, transport=transport)

    async def run(self, flow: Flow[Value]) -> Value:
        """Carry a flow out, and return what it returns."""
        try:
            step = next(flow)
            while True:
                try:
                    outcome = await self._do(step)
                except RowcallError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as end:
            value: Value = end.value
            return value
        finally:
            flow.close()

    async def follow(self, feed: EventFeed) -> AsyncIterator[Event]:
        """Yield events until the last, and connect again in between."""
        while not feed.is_over:
            trouble = None
            try:
                async with self._open(feed.request) as response:
                    self.connection.read_head(response)
                    async for message in feed.read(response):
                        for event in feed.take(message):
                            yield event
            except (ConnectionFailed, ProblemError) as error:
                trouble = error
            await self._pause(feed.rest(trouble))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _do(self, step: Step) -> Answer | None:
        match step:
            case Request():
                return await self.run(send_until_answered(step, self.connection.retries))
            case Attempt(request):
                async with self._open(request) as response:
                    await response.aread()
                    return self.connection.read(response)
            case Receive(request, sink):
                async with self._open(request) as response:
                    sink.begin(self.connection.read_head(response))
                    async for piece in response.aiter_raw():
                        await anyio.to_thread.run_sync(sink.take, piece)
            case Pause():
                await self._pause(step)
        return None

    @asynccontextmanager
    async def _open(self, request: Request) -> AsyncIterator[httpx2.Response]:
        """Send one request, and close its answer at the end; an unsuccessful one has been read."""
        content = read_in_thread(request.content) if isinstance(request.content, Upload) else request.content
        built = self._http.build_request(**self.connection.describe(request), content=content)
        try:
            response = await self._http.send(built, stream=True)
            try:
                if not response.is_success:
                    await response.aread()
                yield response
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            raise self.connection.make_failure(error) from error

    async def _pause(self, pause: Pause) -> None:
        await self._sleep(pause.choose_seconds(self._chance()))


async def read_in_thread(upload: Upload) -> AsyncIterator[bytes]:
    """Read a source, which may be slow, where that keeps nobody waiting."""
    pieces = iter(upload)
    while (piece := await anyio.to_thread.run_sync(next, pieces, None)) is not None:
        yield piece
