"""The sign of life of a courier: `python -m worker.health` reads it like that of any worker."""

import time
from pathlib import Path

from worker.health import WRITE_SECONDS, write_sign


class Pulse:
    """Writes the health file as the loop turns, at most every WRITE_SECONDS. path: None for no file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._due_at = 0.0

    def beat(self) -> None:
        """Say that the loop turns."""
        if self._path is not None and time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + WRITE_SECONDS
            write_sign(self._path, stalled_seconds=0.0)

    def end(self) -> None:
        """Remove the file: a courier that has stopped is not healthy."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
