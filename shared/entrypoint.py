"""Process entry of a container: `python -m shared.entrypoint COMMAND…` runs a command as its only service.

Made to be process 1: it passes signals on, reaps orphans, and ends what does not stop in time: SIGTERM, then SIGQUIT
shortly before ROWCALL_STOP_SECONDS are over, then SIGKILL.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from shared.child_process import end_with_parent
from shared.settings import SettingsInvalid, read_settings

#: SIGQUIT comes so long before the end of the time to stop.
QUIT_SECONDS = 3.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_PASSED_ON = {*_STOPPING, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)


class Entrypoint:
    """One command, and what is to happen to it when this process is told to stop."""

    def __init__(self, command: Sequence[str], *, stop_seconds: float) -> None:
        self._stop_seconds = stop_seconds
        #: Moments and signals still to be sent, the next one last.
        self._plan: list[tuple[float, signal.Signals]] = []
        self._awaited = _PASSED_ON | {signal.SIGCHLD}
        # They stay pending until this process asks for them, so that none is missed between two looks.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._awaited)
        _adopt_orphans()
        self._child = subprocess.Popen(
            command,
            process_group=0,
            preexec_fn=partial(_begin_child, mask, os.getpid()),  # noqa: PLW1509 - this process has no other threads
        )

    def run(self) -> int:
        """Return the exit status of the command, 128 + the number of the signal that ended it."""
        while True:
            self._attend()
            status = self._reap()
            if status is not None:
                return status

    def _attend(self) -> None:
        """Wait for the next signal, or for the next moment of the plan."""
        pause = max(self._plan[-1][0] - time.monotonic(), 0.0) if self._plan else 3600.0
        received = signal.sigtimedwait(self._awaited, pause)
        if received is None:
            if self._plan:
                self._send(self._plan.pop()[1])
        elif received.si_signo != signal.SIGCHLD:
            number = signal.Signals(received.si_signo)
            self._send(number)
            if number in _STOPPING and not self._plan:
                self._plan = self._make_plan(time.monotonic())

    def _make_plan(self, now: float) -> list[tuple[float, signal.Signals]]:
        quit_after = max(self._stop_seconds - QUIT_SECONDS, self._stop_seconds / 2)
        return [(now + self._stop_seconds, signal.SIGKILL), (now + quit_after, signal.SIGQUIT)]

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self._child.pid, number)
            else:
                os.kill(self._child.pid, number)

    def _reap(self) -> int | None:
        """Take in every process that has ended; return the exit status of the command once it is among them."""
        status = None
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._child.pid:
                    status = self._child.returncode = os.waitstatus_to_exitcode(ended[1])
        if status is None:
            return None
        # What it left behind must not outlive it.
        self._send(signal.SIGKILL)
        return status if status >= 0 else 128 - status


def _adopt_orphans() -> None:
    """Let the kernel hand over processes whose parents have died, as it does to process 1."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)


def _begin_child(mask: set[int | signal.Signals], parent_pid: int) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    end_with_parent(parent_pid)


def main() -> int:
    """Run the command given as arguments; exit status 78 when the settings cannot be used, 64 without a command."""
    command = sys.argv[1:]
    if not command:
        sys.stderr.write("usage: python -m shared.entrypoint COMMAND…\n")
        return os.EX_USAGE
    try:
        settings = read_settings()
    except SettingsInvalid as error:
        sys.stderr.write(f"rowcall refuses to start: {error}\n")
        return os.EX_CONFIG
    try:
        return Entrypoint(command, stop_seconds=settings.stop_seconds).run()
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main())
