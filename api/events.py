"""Server-sent events of jobs and batches: what has happened is told from the record, so a stream can begin anywhere.

The standard is "Server-sent events" of the HTML specification: a client that lost its connection sends the id of the
last event that it saw, and is told what came after it.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response

from api.batch_representations import batch_document
from api.followers import Follower
from api.representations import job_document, show_time
from shared.batch_store import Batch
from shared.errors import StoreUnavailable
from shared.jobs import Job, JobStatus

#: A stream says something at least so often, so that no proxy takes it for dead.
HEARTBEAT_SECONDS = 15.0
_ID = re.compile(r"\d{1,9}(-\d{1,9}){2}")
#: Where a batch stands in its life; what has mended rows merged begins anew.
_STAGES = {"validating": 0, "queued": 0, "running": 1, "finalizing": 2}

#: What has happened before is smaller.
EventId = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    name: str
    document: dict[str, Any]
    #: None for what is not told again to a client that comes back.
    id: EventId | None = None

    def encode(self) -> bytes:
        own = b"" if self.id is None else b"id: " + "-".join(map(str, self.id)).encode() + b"\n"
        return b"event: " + self.name.encode() + b"\n" + own + b"data: " + orjson.dumps(self.document) + b"\n\n"


@dataclass(frozen=True, slots=True)
class Look:
    """A record as it stands."""

    events: Sequence[Event]
    is_final: bool
    #: What is told now and then between the events.
    fill: Sequence[Event] = ()


def look_at_job(job: Job) -> Look:
    """Return what has happened to a job since its client last asked for it, in order."""
    life = job.retries
    events = [_small_event("queued", job, (life, 0, 0), job.queued_at)]
    if job.started_at is not None:
        events.append(_small_event("started", job, (life, job.attempt, 1), job.started_at))
    if job.status.is_final:
        events.append(Event("completed", job_document(job), (life, job.attempt, 2)))
    return Look(events, job.status.is_final, _progress_of(job))


def _small_event(name: str, job: Job, event_id: EventId, at: float) -> Event:
    spec = job.spec
    document = {"id": spec.shown_id, "attempt": event_id[1], "at": show_time(at), "metadata": spec.metadata}
    return Event(name, document, event_id)


def _progress_of(job: Job) -> list[Event]:
    """Return where a job stands in line; nothing once it has left it."""
    if job.status is not JobStatus.QUEUED or job.queue is None:
        return []
    queue = {"position": job.queue.position, "eta_seconds": job.queue.eta_seconds}
    return [Event("progress", {"id": job.spec.shown_id, "queue": queue, "metadata": job.spec.metadata})]


def look_at_batch(batch: Batch) -> Look:
    """Return how far a batch is, or how it ended."""
    event_id = (batch.mends, _STAGES.get(batch.status.value, 3), batch.rows_done)
    name = "completed" if batch.status.is_final else "progress"
    return Look([Event(name, batch_document(batch), event_id)], batch.status.is_final)


def read_last_id(text: str | None) -> EventId:
    """Return the id of the last event that a client saw; of one that is none of ours it saw nothing."""
    if text is None or not _ID.fullmatch(text):
        return ()
    return tuple(map(int, text.split("-")))


@dataclass(frozen=True, slots=True)
class Stream:
    """What one client is told of one record."""

    first: Look
    #: Looks once more; returns None when there is no record any more.
    look: Callable[[], Look | None]
    follower: Follower | None
    seconds: float
    seen: EventId

    def run(self) -> Iterator[bytes]:
        """Yield what happens until the record is final, or for so long; without a follower only what has happened."""
        until, seen = time.monotonic() + self.seconds, self.seen
        yield b"retry: 1000\n\n"
        found: Look | None = self.first
        while found is not None:
            for event in found.events:
                if event.id is not None and event.id > seen:
                    yield event.encode()
                    seen = event.id
            left = until - time.monotonic()
            if found.is_final or self.follower is None or left <= 0:
                return
            is_changed = self.follower.wait(min(HEARTBEAT_SECONDS, left))
            found = self._look_again()
            if found is not None and not is_changed:
                yield b": still here\n\n" + b"".join(event.encode() for event in found.fill)

    def _look_again(self) -> Look | None:
        try:
            return self.look()
        except StoreUnavailable:
            # The client connects again by itself, and is told then.
            return None


def event_response(pieces: Iterator[bytes]) -> Response:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(pieces, content_type="text/event-stream", headers=headers)
