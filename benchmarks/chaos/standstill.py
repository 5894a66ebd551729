"""Notices when this machine, or this process alone, stood still: that is nobody's fault, and nobody can recover."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from benchmarks.chaos.recovery import Span

_LOOK_SECONDS = 0.25
#: A look that comes so much later than it should is a standstill; a busy machine delays it by less.
NOTABLE_SECONDS = 3.0


class StandstillWatch:
    """Looks at the clock several times a second, in a thread."""

    def __init__(self, *, notable_seconds: float = NOTABLE_SECONDS) -> None:
        self._notable_seconds = notable_seconds
        self._stopping = threading.Event()
        #: When it stood still; the faults of that time were not done to a service that could do anything about them.
        self.spans: list[Span] = []

    @classmethod
    @contextmanager
    def run(cls) -> Iterator[Self]:
        """Watch for the time of the block."""
        watch = cls()
        thread = threading.Thread(target=watch._run, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            watch._stopping.set()
            thread.join()

    def _run(self) -> None:
        last = time.time()
        while not self._stopping.wait(_LOOK_SECONDS):
            last = self.look(last, time.time())

    def look(self, last: float, now: float) -> float:
        """Note a standstill if there was one between two looks; return the later of them."""
        if now - last > self._notable_seconds:
            self.spans.append(Span(last, now, is_outage=True))
        return now
