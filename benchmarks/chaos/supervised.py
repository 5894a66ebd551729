"""Programs under supervisord, which starts again whatever dies: ours, and those of the stock configuration."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from benchmarks.measure import ProcessState, read_states
from benchmarks.warm_process import ROOT, MeasurementFailed
from shared.child_process import end_with_parent
from standalone.process_manager import (
    STOP_SECONDS,
    ManagedProcess,
    Program,
    list_processes,
    manager_command,
    manager_configuration,
)

_START_SECONDS = 120.0
_LOOK_SECONDS = 0.1


class SupervisedPrograms:
    """The processes of a set of programs, by name."""

    def __init__(self, programs: Sequence[Program], environment: Mapping[str, str], folder: Path) -> None:
        self.logs_dir = folder / "logs"
        self.logs_dir.mkdir(parents=True)
        # A path of a socket may have about 100 characters.
        self._control_socket = folder / "control"
        configuration = folder / "supervisord.conf"
        configuration.write_text(
            manager_configuration(
                list(programs), control_socket=self._control_socket, logs_dir=self.logs_dir, root=ROOT
            )
        )
        self._command = manager_command(configuration)
        self._environment = {**os.environ, **environment}
        self._manager: subprocess.Popen[bytes] | None = None

    @classmethod
    @contextmanager
    def run(cls, programs: Sequence[Program], environment: Mapping[str, str], folder: Path) -> Iterator[Self]:
        """Run them for the time of the block."""
        supervised = cls(programs, environment, folder)
        supervised._start()
        try:
            yield supervised
        finally:
            supervised._stop()

    def _start(self) -> None:
        self._manager = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - it only asks the kernel for a signal
        )

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Return when it is so; raises MeasurementFailed when a program refuses to start, or after two minutes."""
        until = time.monotonic() + _START_SECONDS
        while not is_ready():
            refused = [process.name for process in self.list() if process.has_given_up]
            if refused or time.monotonic() > until:
                raise MeasurementFailed(f"{', '.join(refused) or 'the stack'} did not start; logs: {self._tails()}")
            time.sleep(_LOOK_SECONDS)

    def _tails(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-800:]}" for log in sorted(self.logs_dir.glob("*-0.log")))

    def list(self) -> list[ManagedProcess]:
        """Return the processes, none while the manager does not answer."""
        with suppress(OSError):
            return list_processes(self._control_socket)
        return []

    def pids(self, *prefixes: str) -> dict[str, int]:
        """Return the process ids of those that run and whose name begins with any of these, by name."""
        running = (process for process in self.list() if process.pid)
        return {process.name: process.pid for process in running if process.name.startswith(prefixes)}

    def _stop(self) -> None:
        assert self._manager is not None
        if self._manager.poll() is None:
            # A frozen process cannot hear that it is to end.
            for pid in self.pids("").values():
                signal_tree(pid, signal.SIGCONT)
            self._manager.terminate()
            try:
                self._manager.wait(2 * STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._manager.kill()
                self._manager.wait()


def find_children(pid: int, states: Mapping[int, ProcessState] | None = None) -> list[int]:
    """Return the process ids of all descendants of a process."""
    states = read_states() if states is None else states
    found: list[int] = []
    parents = [pid]
    while parents:
        children = [child for child, state in states.items() if state.parent in parents]
        found += children
        parents = children
    return sorted(found)


def signal_tree(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and to all that descend from it."""
    # The children first: once their parent is dead, nobody can tell whose they were.
    for one in [*find_children(pid), pid]:
        signal_process(one, number)


def signal_process(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, unless it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
