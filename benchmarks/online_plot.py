"""A picture of a run: answers per second and median latency over the number of connections."""

from importlib.util import find_spec
from pathlib import Path

from benchmarks.online_report import OnlineResult


def find_missing_library() -> str | None:
    """Return why no picture can be drawn; None when it can."""
    return None if find_spec("matplotlib") else "matplotlib is not installed, so there will be no plot: make setup"


def draw(result: OnlineResult, path: Path, *, title: str) -> None:
    """Write a PNG file."""
    # Not everybody who imports this draws, and it takes a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(13, 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    speed, latency = figure.subplots(1, 2)
    for name, of in result.points.items():
        counts = list(of)
        style = "o-" if name.startswith("ours_") else "s:" if name in result.peers else "^--"
        speed.plot(counts, [point.answers_per_second for point in of.values()], style, label=name)
        latency.plot(counts, [point.p50_seconds for point in of.values()], style, label=name)
    for axes, label in ((speed, "answers per second"), (latency, "median latency, seconds")):
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlabel("connections")
        axes.set_ylabel(label)
        axes.grid(visible=True, which="both", alpha=0.3)
    figure.legend(*speed.get_legend_handles_labels(), loc="outside right upper", fontsize="small")
    figure.suptitle(title)
    figure.savefig(path, dpi=120)
