"""Watching a batch until it is final: asks ever more seldom, and sits out a server that is away for a while."""

import math
from collections.abc import Callable

from rowcall_client.batches import Batch
from rowcall_client.errors import BatchNotFinished, ConnectionFailed, ProblemError, RowcallError
from rowcall_client.repeats import find_wanted_seconds, is_passing
from rowcall_client.wire import Answer, Flow, Pause, Repeat, Request, path_of

#: The first question is held back by the server for so long, so that a small file is done with one question.
FIRST_LOOK_SECONDS = 1
#: Pause between the first two questions; it grows with each one.
FIRST_PAUSE_SECONDS = 0.5
PAUSE_GROWTH = 1.25
LONGEST_PAUSE_SECONDS = 2.0
#: A server may be away for so long; the batch lives on meanwhile.
LONGEST_ABSENCE_SECONDS = 120.0
#: A `Retry-After` is honored up to so long.
LONGEST_RETRY_AFTER_SECONDS = 30.0
NOT_MODIFIED = 304

#: Is told of a batch each time that it has changed.
ReportBatch = Callable[[Batch], None]
#: Is told of trouble that is being sat out.
ReportTrouble = Callable[[RowcallError], None]


class BatchWatch:
    """Waits for one batch."""

    def __init__(
        self,
        batch_id: str,
        *,
        clock: Callable[[], float],
        on_progress: ReportBatch | None,
        on_trouble: ReportTrouble | None,
    ) -> None:
        self._path = path_of("batches", batch_id)
        self._clock = clock
        self._on_progress = on_progress
        self._on_trouble = on_trouble
        self._batch: Batch | None = None
        self._etag = ""
        self._answered_at = clock()

    def wait(self, timeout_seconds: float | None) -> Flow[Batch]:
        """Return the batch once it is final. Raises BatchNotFinished, or the trouble that did not pass."""
        deadline = self._clock() + (math.inf if timeout_seconds is None else timeout_seconds)
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            trouble_pause_seconds = yield from self._look_or_bear_trouble(deadline)
            if self._batch is not None and self._batch.status.is_final:
                return self._batch
            left_seconds = deadline - self._clock()
            if left_seconds <= 0 and self._batch is not None and timeout_seconds is not None:
                raise BatchNotFinished(self._batch, timeout_seconds)
            yield Pause.exactly(max(0.0, min(trouble_pause_seconds or pause_seconds, left_seconds)))
            pause_seconds = min(pause_seconds * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)

    def _look_or_bear_trouble(self, deadline: float) -> Flow[float | None]:
        """Ask once; return how long to stay away when there was no answer, and None when there was one."""
        try:
            yield from self._look()
        except (ConnectionFailed, ProblemError) as error:
            now = self._clock()
            is_too_late = now - self._answered_at >= LONGEST_ABSENCE_SECONDS
            if not is_passing(error) or is_too_late or (self._batch is None and now >= deadline):
                raise
            if self._on_trouble:
                self._on_trouble(error)
            return min(find_wanted_seconds(error) or LONGEST_PAUSE_SECONDS, LONGEST_RETRY_AFTER_SECONDS)
        self._answered_at = self._clock()
        return None

    def _look(self) -> Flow[None]:
        wait_seconds = FIRST_LOOK_SECONDS if self._batch is None else 0
        headers = {"Prefer": f"wait={wait_seconds}"} if wait_seconds else {}
        if self._etag:
            headers["If-None-Match"] = self._etag
        answer: Answer = yield Request(
            "GET", self._path, headers=headers, repeat=Repeat.ALWAYS, wait_seconds=wait_seconds
        )
        if answer.status == NOT_MODIFIED:
            return
        self._batch = answer.decode(Batch.decode)
        self._etag = answer.headers.get("ETag", "")
        if self._on_progress:
            self._on_progress(self._batch)
