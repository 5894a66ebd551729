"""What the benchmarks' command lines share: kinds of numbers, and an exit status for every way to end."""

import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from benchmarks.warm_process import MeasurementFailed
from standalone.stack import StackFailed
from standalone.store_server import NoStoreServer


def count(text: str) -> int:
    """Read a number of things; raises ValueError below 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def share(text: str) -> float:
    """Read a part of a whole; raises ValueError outside of 0 to 1, the latter excluded."""
    part = float(text)
    if not 0 <= part < 1:
        raise ValueError
    return part


def run_in_folder(measure: Callable[[Path], None], *, prefix: str) -> int:
    """Let a benchmark write into a folder of its own, gone at the end however it comes; return its exit status."""
    signal.signal(signal.SIGTERM, _end)
    try:
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            measure(Path(folder))
    except (MeasurementFailed, StackFailed, NoStoreServer) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _end(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt
