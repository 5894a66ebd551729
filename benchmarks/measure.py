"""What a group of processes takes: wall seconds, CPU seconds, and the peak memory of each process (Linux only)."""

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

PROC = Path("/proc")
#: Processes that end between two looks are seen as they were at the last one.
LOOK_SECONDS = 0.25
#: Name of the benchmark's own process, which sends the file and reads the results: no part of what is measured.
CLIENT = "client"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What one process took."""

    name: str
    cpu_seconds: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one thing."""

    rows: int
    seconds: float
    processes: tuple[ProcessUse, ...]
    #: Share of the processors' time that went to neither these processes nor the client: others' work, and disk writes.
    foreign_cpu_share: float = 0.0
    #: Seconds of its parts, where it has any.
    phases: Mapping[str, float] = field(default_factory=dict)

    def cpu_seconds(self, prefix: str = "") -> float:
        """Return the CPU seconds of all measured processes whose name begins so."""
        return sum(use.cpu_seconds for use in self.processes if use.name != CLIENT and use.name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class Summary:
    """The median of several runs of one thing; for memory the worst of them."""

    name: str
    rows: int
    seconds: float
    rows_per_second: float
    cpu_seconds_per_million_rows: float
    worker_cpu_seconds: float
    foreign_cpu_share: float
    peak_rss_bytes: Mapping[str, int]
    phases: Mapping[str, float]

    @property
    def largest_rss_bytes(self) -> int:
        return max(self.peak_rss_bytes.values(), default=0)


def summarize(name: str, runs: list[Measurement]) -> Summary:
    """Return the medians of runs over the same rows."""
    rows, seconds = runs[0].rows, median(run.seconds for run in runs)
    peaks: dict[str, int] = {}
    for use in (use for run in runs for use in run.processes if use.name != CLIENT):
        peaks[use.name] = max(peaks.get(use.name, 0), use.peak_rss_bytes)
    return Summary(
        name=name,
        rows=rows,
        seconds=seconds,
        rows_per_second=rows / seconds,
        cpu_seconds_per_million_rows=median(run.cpu_seconds() for run in runs) * 1e6 / rows,
        worker_cpu_seconds=median(run.cpu_seconds("bulk-worker") for run in runs),
        foreign_cpu_share=median(run.foreign_cpu_share for run in runs),
        peak_rss_bytes=peaks,
        phases={phase: median(run.phases[phase] for run in runs) for phase in runs[0].phases},
    )


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What the system says about a process at one moment."""

    parent: int
    cpu_seconds: float
    peak_rss_bytes: int


def parse_state(stat: str, status: str) -> ProcessState:
    """Read `/proc/<pid>/stat` and `/proc/<pid>/status`; the peak of a process that is ending is 0."""
    # The command stands in parentheses and may hold spaces and parentheses itself.
    fields = stat.rpartition(")")[2].split()
    peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
    return ProcessState(int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND, int(peak) * 1024)


def read_states() -> dict[int, ProcessState]:
    """Return the state of every process that can be read."""
    states = {}
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            stat, status = (folder / "stat").read_text(), (folder / "status").read_text()
        except OSError:
            # It ended meanwhile.
            continue
        states[int(folder.name)] = parse_state(stat, status)
    return states


def read_busy_seconds() -> float:
    """Return the seconds that all processors together have worked."""
    user, nice, system, _idle, _io, interrupts, soft, stolen = map(
        int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + interrupts + soft + stolen) / _TICKS_PER_SECOND


def find_name(pid: int, states: Mapping[int, ProcessState], names: Mapping[int, str]) -> str | None:
    """Return the name of the nearest ancestor that has one, the process itself included; None for a stranger."""
    while pid not in names:
        state = states.get(pid)
        if state is None:
            return None
        pid = state.parent
    return names[pid]


class ProcessWatch:
    """Looks at the processes with names and at their descendants for the time of a block.

    names: process id → name. Memory counts from the start of a process, CPU from the start of the block.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = {os.getpid(): CLIENT, **names}
        self._first: dict[int, ProcessState] = {}
        self._last: dict[int, ProcessState] = {}
        self._labels: dict[int, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._look()
        self._first = dict(self._last)
        self._thread.start()
        self._busy_seconds = -read_busy_seconds()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._started
        self._busy_seconds += read_busy_seconds()
        self._stopping.set()
        self._thread.join()
        self._look()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        states = read_states()
        for pid, state in states.items():
            name = find_name(pid, states, self._names)
            if name is not None:
                self._labels[pid] = name
                self._last[pid] = _keep_peak(state, self._last.get(pid))

    def measurement(self, rows: int, phases: Mapping[str, float] | None = None) -> Measurement:
        """Return what was seen, once the block has ended."""
        uses = tuple(self._uses())
        foreign_seconds = self._busy_seconds - sum(use.cpu_seconds for use in uses)
        share = max(0.0, foreign_seconds / (self.seconds * (os.cpu_count() or 1)))
        return Measurement(rows, self.seconds, uses, share, phases or {})

    def _uses(self) -> Iterable[ProcessUse]:
        for pid, state in self._last.items():
            before = self._first[pid].cpu_seconds if pid in self._first else 0.0
            yield ProcessUse(self._labels[pid], state.cpu_seconds - before, state.peak_rss_bytes)


def _keep_peak(state: ProcessState, last: ProcessState | None) -> ProcessState:
    if last is None or state.peak_rss_bytes >= last.peak_rss_bytes:
        return state
    return ProcessState(state.parent, state.cpu_seconds, last.peak_rss_bytes)
