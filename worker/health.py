"""Container check: a healthy worker writes into a file that it lives, and for how long it has taken nothing.

Run as `python -m worker.health`: exit status 0 while healthy, 1 with the reason otherwise.
"""

import sys
import threading
import time
from pathlib import Path

from shared.settings import Settings, read_settings
from worker.activity import Activity
from worker.progress import Progress

#: How often a worker writes.
WRITE_SECONDS = 5.0


def write_sign(path: Path, *, stalled_seconds: float) -> None:
    """Write that this process lives, and for how long it has taken nothing."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{time.time():.3f} {stalled_seconds:.3f}\n")
    fresh.replace(path)


class HealthFile:
    """Written by the event loop while it turns.

    While a message is in hand the loop rests; the lease keeper ends a process that hangs. So for that time, and while
    the consumer waits for a broker that is away, a thread writes instead.
    """

    def __init__(self, path: Path, activity: Activity, progress: Progress) -> None:
        self._path = path
        self._activity = activity
        self._progress = progress
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def write(self) -> None:
        """Replace the file at once, so that a reader never sees half of it."""
        with self._lock:
            write_sign(self._path, stalled_seconds=self._progress.stalled_seconds)

    def start(self) -> None:
        self.write()
        threading.Thread(target=self._run, name="health", daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.wait(WRITE_SECONDS):
            self.look()

    def look(self) -> None:
        """Look at the queues, and write when the event loop cannot."""
        self._progress.look()
        if self._activity.is_busy or self._progress.is_broker_away:
            self.write()

    def stop(self) -> None:
        """Remove the file: a worker that has stopped is not healthy."""
        self._stopping.set()
        self._path.unlink(missing_ok=True)


def find_fault(path: Path, *, limit_seconds: float, stalled_limit_seconds: float) -> str | None:
    """Return why the worker behind this file is not healthy, or None.

    limit_seconds: how old the file may be.
    stalled_limit_seconds: how long the worker may take nothing although messages wait.
    """
    try:
        written_at, stalled_seconds = (float(word) for word in path.read_text().split())
    except (OSError, ValueError) as error:
        return f"no worker has written {path} yet ({type(error).__name__})"
    age = time.time() - written_at
    if age > limit_seconds:
        return f"the event loop stands still for {age:.0f} s"
    if stalled_seconds > stalled_limit_seconds:
        return f"messages wait, and the worker has taken none for {stalled_seconds:.0f} s"
    return None


def oldest_sign_seconds(settings: Settings) -> float:
    """How old a sign of life may be: a prediction in native code may keep every thread from running."""
    return settings.predict_timeout_seconds + 3 * WRITE_SECONDS


def main() -> int:
    settings = read_settings()
    if settings.health_file is None:
        sys.stderr.write("set ROWCALL_HEALTH_FILE to the file that the worker writes\n")
        return 1
    fault = find_fault(
        settings.health_file,
        limit_seconds=oldest_sign_seconds(settings),
        stalled_limit_seconds=settings.stalled_seconds,
    )
    if fault:
        sys.stderr.write(fault + "\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
