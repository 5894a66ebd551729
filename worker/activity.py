"""Activity: whether this worker has a message in hand, and since when it has had none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Activity:
    """Written by the thread that predicts, read by others. A worker that has just started counts as just idle."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._idle_since = clock()
        self.is_busy = False
        #: A message has been in hand at least once.
        self.has_begun = False

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count as busy for the time of the block."""
        self.is_busy = self.has_begun = True
        try:
            yield
        finally:
            self._idle_since = self._clock()
            self.is_busy = False

    @property
    def idle_seconds(self) -> float:
        """For how long nothing has been in hand."""
        return 0.0 if self.is_busy else self._clock() - self._idle_since
