"""Pace: how many rows go into one call of the model, so that a call takes about a second whatever the model costs.

Between two calls the worker can say that it goes on; without that, a slow model would look like one that hangs.
"""

import time
from collections.abc import Callable, Iterator

#: What a call should take.
CALL_SECONDS = 1.0
#: Rows of the first call, while nothing is known of the model.
FIRST_ROWS = 256
#: The next call has at most so many times the rows of the one before.
GROWTH = 8


class Pace:
    """Learns from the calls of one model. on_progress: called after each."""

    def __init__(self, on_progress: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._on_progress = on_progress
        self._clock = clock
        self._rows = FIRST_ROWS

    def slices(self, rows: int) -> Iterator[slice]:
        """Yield slices that cover `rows` rows; the caller makes its call for each before it asks for the next."""
        start = 0
        while start < rows:
            stop = min(start + self._rows, rows)
            began = self._clock()
            yield slice(start, stop)
            self._learn(stop - start, self._clock() - began)
            self._on_progress()
            start = stop

    def _learn(self, rows: int, seconds: float) -> None:
        fitting = int(rows * CALL_SECONDS / seconds) if seconds > 0 else rows * GROWTH
        if rows == self._rows or fitting < self._rows:
            self._rows = max(1, min(fitting, rows * GROWTH))
