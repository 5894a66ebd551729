"""The events of one job or batch: taken up again after the last that was seen, until the last there is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import httpx2

from rowcall_client.batches import Batch
from rowcall_client.errors import AnswerNotUnderstood
from rowcall_client.predictions import Document, Prediction
from rowcall_client.repeats import Patience, Trouble
from rowcall_client.wire import Pause, Repeat, Request

#: The server gives a sign of life every 15 s; after two that are missing the connection counts as broken.
SILENCE_SECONDS = 30.0
#: Pause before connecting again when the server names none.
RECONNECT_SECONDS = 1.0
#: With it a stream ends for good.
LAST_EVENT = "completed"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job or batch."""

    #: `queued`, `started`, `progress` or `completed`.
    name: str
    #: Where to take the stream up again; empty for what is not told twice.
    id: str
    #: The document of the event; as `completed`, and always for a batch, the whole job or batch.
    data: Document

    @property
    def prediction(self) -> Prediction | None:
        """The job, for an event that tells all of it."""
        return Prediction.decode(self.data) if self.data.get("object") == "prediction" else None

    @property
    def batch(self) -> Batch | None:
        """The batch, for an event of one."""
        return Batch.decode(self.data) if self.data.get("object") == "batch" else None


class EventFeed:
    """What has been told of one stream so far, over as many connections as it takes."""

    def __init__(self, path: str, *, url: str, last_event_id: str | None) -> None:
        """last_event_id: what was seen before; None to be told everything."""
        self._path = path
        self._url = url
        self._last_event_id = last_event_id or ""
        self._reconnect_seconds = RECONNECT_SECONDS
        self._patience = Patience(max_tries=6, first_pause_seconds=1.0, longest_pause_seconds=15.0)
        self._has_got_on = False
        #: Whether the last event has been told.
        self.is_over = False

    @property
    def request(self) -> Request:
        """The request for what comes next."""
        self._has_got_on = False
        headers = {"Accept": "text/event-stream, application/problem+json", "Cache-Control": "no-store"}
        if self._last_event_id:
            headers["Last-Event-ID"] = self._last_event_id
        return Request("GET", self._path, headers=headers, repeat=Repeat.ALWAYS, wait_seconds=SILENCE_SECONDS)

    def read(self, response: httpx2.Response) -> httpx2.EventSource:
        """Find the messages in an answer. Raises AnswerNotUnderstood when it is no stream of events."""
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise AnswerNotUnderstood(self._url)
        # A job of a thousand rows is one event.
        return httpx2.EventSource(response, max_event_size=None)

    def take(self, message: httpx2.ServerSentEvent) -> Iterator[Event]:
        """Take one message; yields the event in it, if it is one. Raises AnswerNotUnderstood."""
        if message.retry is not None:
            self._reconnect_seconds = message.retry / 1000
        if not message.data:
            return
        try:
            document = json.loads(message.data)
        except ValueError as error:
            raise AnswerNotUnderstood(self._url) from error
        # The HTTP library repeats the id before it for an event without one, as the standard has it.
        is_new = message.id != self._last_event_id
        self._has_got_on = True
        self._last_event_id = message.id or self._last_event_id
        self.is_over = message.event == LAST_EVENT
        yield Event(message.event, message.id if is_new else "", document)

    def rest(self, trouble: Trouble | None) -> Pause:
        """How long to stay away after a connection has ended; raises the trouble when it is no use to come back."""
        if self.is_over:
            return Pause.exactly(0)
        if trouble is not None:
            return self._patience.bear(trouble, has_got_on=self._has_got_on)
        return Pause.exactly(self._reconnect_seconds)
