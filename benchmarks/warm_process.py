"""Processes that get ready, do their work when told to, and never outlive the benchmark."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Self

ROOT = Path(__file__).resolve().parent.parent
_STOP_SECONDS = 10.0


class MeasurementFailed(Exception):
    """Raised when something that is measured does not finish, not in time, or with a wrong answer."""


class Deadline:
    """A moment after which a measurement is given up."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    def remaining_seconds(self) -> float:
        """Return the time left; raises MeasurementFailed when there is none."""
        remaining = self._until - time.monotonic()
        if remaining <= 0:
            raise MeasurementFailed(f"given up after {self._seconds:g} s")
        return remaining


@contextmanager
def running_process(command: Sequence[str], *, log: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process for the time of the block, with pipes to its input and, without a log, from its output."""
    with open_log(log) as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=None if log is None else subprocess.STDOUT,
            # A Ctrl-C in the terminal reaches the benchmark alone, which ends the others.
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - nothing else runs here while processes are started
        )
        try:
            yield process
        finally:
            _end(process)


@contextmanager
def open_log(log: Path | None) -> Iterator[IO[bytes] | int]:
    """Open the file for the output of a process, or ask for a pipe."""
    if log is None:
        yield subprocess.PIPE
        return
    with log.open("wb") as file:
        yield file


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # It led a group of its own; what is left of that would outlive us.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM)


class WarmProcess:
    """A module of ours in a process: it says `ready` when it is warm, and `done` after each line it was sent."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    @contextmanager
    def run(cls, module: str, *arguments: object, deadline: Deadline) -> Iterator[Self]:
        """Start `python -m module` and wait until it is ready; raises MeasurementFailed."""
        command = [sys.executable, "-m", module, *map(str, arguments)]
        with running_process(command) as process:
            warm = cls(process)
            warm.expect("ready", deadline)
            yield warm

    def go(self, order: str = "") -> None:
        """Tell it to begin."""
        assert self._process.stdin is not None
        self._process.stdin.write(order.encode() + b"\n")

    def require_running(self) -> None:
        """Raise MeasurementFailed when it has ended."""
        if self._process.poll() is not None:
            raise MeasurementFailed(f"process {self.pid} ended early; its error stands above")

    def expect(self, word: str, deadline: Deadline) -> None:
        """Wait until it says the word; raises MeasurementFailed."""
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], deadline.remaining_seconds())
        if not readable:
            deadline.remaining_seconds()
        said = self._process.stdout.readline().decode().strip()
        if said != word:
            raise MeasurementFailed(f"process {self.pid} ended instead of being {word}; its error stands above")


def say_ready() -> None:
    """Tell the other side of a WarmProcess that this one is warm."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def answer_orders(work: Callable[[str], None]) -> None:
    """Be the other side of a WarmProcess: do the work once for each line, until there are no more."""
    say_ready()
    for order in sys.stdin:
        work(order.strip())
        sys.stdout.write("done\n")
        sys.stdout.flush()
