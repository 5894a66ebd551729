"""Container check: the event loop of a healthy worker writes the time into a file.

Run as `python -m worker.health`: exit status 0 while healthy, 1 with the reason otherwise.
"""

import sys
import time
from pathlib import Path

from shared.settings import read_settings

#: How often the event loop writes.
WRITE_SECONDS = 5.0


def write_health(path: Path) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{time.time():.3f}\n")
    fresh.replace(path)


def find_fault(path: Path, *, limit_seconds: float) -> str | None:
    """Return why the worker behind this file is not healthy, or None.

    limit_seconds: how old the file may be; the event loop rests while a message is predicted.
    """
    try:
        age = time.time() - float(path.read_text())
    except (OSError, ValueError) as error:
        return f"no worker has written {path} yet ({type(error).__name__})"
    return None if age <= limit_seconds else f"the event loop stands still for {age:.0f} s"


def main() -> int:
    settings = read_settings()
    if settings.health_file is None:
        sys.stderr.write("set ROWCALL_HEALTH_FILE to the file that the worker writes\n")
        return 1
    limit = settings.predict_timeout_seconds + 3 * WRITE_SECONDS
    fault = find_fault(settings.health_file, limit_seconds=limit)
    if fault:
        sys.stderr.write(fault + "\n")
    return 1 if fault else 0


if __name__ == "__main__":
    sys.exit(main())
