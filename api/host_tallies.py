"""HostTallies: memory in which each API process of this host counts, and any of them reads what all have counted."""

import fcntl
import mmap
import os
import sys
import tempfile
from functools import cache

from shared.metrics import Totals, add_totals
from shared.tally import TALLY_BYTES, Tally, read_totals


class NoPlaceLeft(Exception):
    """Raised when more API processes live on this host than there are places to count in."""


class HostTallies:
    """Places for tallies, made before the server processes are forked.

    A process that ends leaves its numbers to the next one that takes its place, so that counters never fall.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._file = _open_memory()
        os.ftruncate(self._file, places * TALLY_BYTES)
        self._memory = memoryview(mmap.mmap(self._file, places * TALLY_BYTES))

    def claim(self) -> Tally:
        """Return the tally of this process, which nobody else gets while it lives; raises NoPlaceLeft."""
        for place in range(self._places):
            try:
                # The kernel takes the lock back when the process ends, however it ends.
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                continue
            return Tally(self._place(place))
        raise NoPlaceLeft(f"all {self._places} places are taken")

    def totals(self) -> Totals:
        """Return what all processes of this host have counted, those too that have ended."""
        totals: Totals = {}
        for place in range(self._places):
            add_totals(totals, read_totals(self._place(place)))
        return totals

    def _place(self, number: int) -> memoryview:
        return self._memory[number * TALLY_BYTES : (number + 1) * TALLY_BYTES]


@cache
def host_tallies(processes: int) -> HostTallies:
    """Return the tallies of this host; a forked process gets those of its parent.

    There are twice as many places as processes, because a server that replaces its processes has both for a moment.
    """
    return HostTallies(2 * processes)


def _open_memory() -> int:
    """Return a file without a name; it is in memory where the system can, so that no folder needs to be writable."""
    if sys.platform == "linux":
        return os.memfd_create("rowcall-metrics")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
