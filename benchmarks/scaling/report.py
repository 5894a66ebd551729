"""The scaling of each service under each load, as a table, as figures and as a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.scaling.fleet import Run
from benchmarks.scaling.loads import Load
from benchmarks.scaling.scenarios import ACCEPTABLE_WAIT_SECONDS, Service

_COLUMNS = "| service | load | waited over 2 s | longest wait | ECS tasks, least and most | at the end |"


@dataclass(frozen=True, slots=True)
class Line:
    """One service under one load."""

    service: str
    load: str
    run: Run

    @property
    def late_percent(self) -> float:
        return 100 * self.run.late_share(ACCEPTABLE_WAIT_SECONDS)

    def figures(self) -> dict[str, str | float | int]:
        """Return what the last line of the output holds."""
        return {
            "service": self.service,
            "load": self.load,
            "late_percent": round(self.late_percent, 2),
            "longest_wait_seconds": self.run.longest_wait,
            "most_tasks": max(self.run.tasks),
        }


def simulate(services: Iterable[Service], loads: Mapping[str, Load]) -> list[Line]:
    """Return every service under every load."""
    return [Line(service.name, name, service.run(load)) for service in services for name, load in loads.items()]


def table(lines: Iterable[Line]) -> str:
    """Return the lines as a table of Markdown."""
    rows = [_row(line) for line in lines]
    return "\n".join([_COLUMNS, "|---|---|---|---|---|---|", *rows])


def _row(line: Line) -> str:
    late = "none" if line.late_percent < 0.005 else f"{line.late_percent:.1f} %"
    tasks = line.run.tasks
    wait = f"{line.run.longest_wait:.1f} s"
    return f"| {line.service} | {line.load} | {late} | {wait} | {min(tasks)}, {max(tasks)} | {tasks[-1]} |"


def draw(lines: list[Line], path: Path) -> None:
    """Write a picture: a row for each service, a column for each load."""
    # It takes a second, and the tests of the model need none.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    services = list(dict.fromkeys(line.service for line in lines))
    loads = list(dict.fromkeys(line.load for line in lines))
    figure = Figure(figsize=(4.2 * len(loads), 2.3 * len(services)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(services), len(loads), squeeze=False, sharex=True)
    for line in lines:
        row, column = services.index(line.service), loads.index(line.load)
        axes = grid[row][column]
        minutes = [second / 60 for second in range(len(line.run.arrived))]
        axes.plot(minutes, line.run.tasks, color="tab:blue")
        axes.set_ylim(0, 1.15 * max(line.run.tasks))
        axes.tick_params(axis="y", colors="tab:blue")
        waits = line.run.waits()
        right = axes.twinx()
        right.plot(minutes[: len(waits)], waits, color="tab:red", linewidth=1)
        right.axhline(ACCEPTABLE_WAIT_SECONDS, color="tab:red", linewidth=0.6, linestyle=":")
        right.set_ylim(0, max(5.0, 1.15 * line.run.longest_wait))
        right.tick_params(axis="y", colors="tab:red")
        if row == 0:
            axes.set_title(line.load, fontsize=10)
        if column == 0:
            axes.set_ylabel(f"{line.service}\n\nECS tasks", fontsize=8, color="tab:blue")
        if column == len(loads) - 1:
            right.set_ylabel("wait, s", fontsize=8, color="tab:red")
        if row == len(services) - 1:
            axes.set_xlabel("minutes")
    figure.suptitle("Simulated: ECS tasks (blue) and wait of the rows that arrive (red; dotted: acceptable)")
    figure.savefig(path, dpi=70)
