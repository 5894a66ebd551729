"""Carries flows out while its caller waits; `async_exchange` is the same for those who await."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2

from rowcall_client.connection import Connection
from rowcall_client.errors import ConnectionFailed, ProblemError, RowcallError
from rowcall_client.event_stream import Event, EventFeed
from rowcall_client.repeats import send_until_answered
from rowcall_client.wire import Answer, Attempt, Flow, Pause, Receive, Request, Step, Value


class Exchange:
    """Sends requests to one server."""

    def __init__(
        self,
        connection: Connection,
        *,
        transport: httpx2.BaseTransport | None,
        sleep: Callable[[float], object],
        chance: Callable[[], float],
    ) -> None:
        """Prepare a connection pool; nothing is sent yet. chance: returns 0 to 1."""
        self.connection = connection
        self._sleep = sleep
        self._chance = chance
        self._http = httpx2.Client(base_url=connection.url, headers=connection.headers, transport=transport)

    def run(self, flow: Flow[Value]) -> Value:
        """Carry a flow out, and return what it returns."""
        try:
            step = next(flow)
            while True:
                try:
                    outcome = self._do(step)
                except RowcallError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(outcome)
        except StopIteration as end:
            value: Value = end.value
            return value
        finally:
            flow.close()

    def follow(self, feed: EventFeed) -> Iterator[Event]:
        """Yield events until the last, and connect again in between."""
        while not feed.is_over:
            trouble = None
            try:
                with self._open(feed.request) as response:
                    self.connection.read_head(response)
                    for event in feed.read(response):
                        yield from feed.take(event)
            except (ConnectionFailed, ProblemError) as error:
                trouble = error
            self._pause(feed.rest(trouble))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _do(self, step: Step) -> Answer | None:
        match step:
            case Request():
                return self.run(send_until_answered(step, self.connection.retries))
            case Attempt(request):
                with self._open(request) as response:
                    response.read()
                    return self.connection.read(response)
            case Receive(request, sink):
                with self._open(request) as response:
                    sink.begin(self.connection.read_head(response))
                    for piece in response.iter_raw():
                        sink.take(piece)
            case Pause():
                self._pause(step)
        return None

    @contextmanager
    def _open(self, request: Request) -> Iterator[httpx2.Response]:
        """Send one request, and close its answer at the end; an unsuccessful one has been read."""
        built = self._http.build_request(**self.connection.describe(request), content=request.content)
        try:
            response = self._http.send(built, stream=True)
            try:
                if not response.is_success:
                    response.read()
                yield response
            finally:
                response.close()
        except httpx2.RequestError as error:
            raise self.connection.make_failure(error) from error

    def _pause(self, pause: Pause) -> None:
        self._sleep(pause.choose_seconds(self._chance()))
