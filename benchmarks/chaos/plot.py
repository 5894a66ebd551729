"""A picture of a run: jobs that ended in each second, how long they had taken, and the faults."""

from collections import Counter
from pathlib import Path

from benchmarks.chaos.report import ChaosResult


def draw(result: ChaosResult, path: Path, *, title: str) -> None:
    """Write a PNG file."""
    # Not everybody who imports this draws, and it takes a second.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    start = min((attempt.invoked_at for attempt in result.history.attempts), default=0.0)
    ended = [
        (first.answer.completed_at - start, first.answer.completed_at - first.answer.created_at)
        for job in result.history.list_jobs()
        if (first := job.first_final) is not None and first.answer is not None and first.answer.completed_at is not None
    ]
    accepted = Counter(int(job.accepted_at - start) for job in result.history.list_jobs())
    answered = Counter(int(at) for at, _ in ended)
    figure = Figure(figsize=(15, 10), layout="constrained")
    FigureCanvasAgg(figure)
    speed, latency, faults = figure.subplots(3, 1, sharex=True, height_ratios=(2, 2, 3))
    seconds = range(max([*accepted, *answered], default=0) + 1)
    speed.plot(seconds, [accepted[second] for second in seconds], label="accepted", linewidth=0.8)
    speed.plot(seconds, [answered[second] for second in seconds], label="answered", linewidth=0.8)
    speed.set_ylabel("jobs per second")
    speed.legend(loc="upper right", fontsize="small")
    latency.scatter([at for at, _ in ended], [taken for _, taken in ended], s=2)
    latency.set_yscale("log")
    latency.set_ylabel("seconds from acceptance\nto the end of a job")
    names = sorted({fault.kind.name for fault in result.done}, reverse=True)
    for fault in result.done:
        color = "tab:red" if fault.kind.is_outage else "tab:orange"
        line = names.index(fault.kind.name)
        faults.plot(
            [fault.began_at - start, max(fault.ended_at, fault.began_at + 0.5) - start], [line] * 2, color, linewidth=5
        )
    faults.set_yticks(range(len(names)), names, fontsize="small")
    faults.set_xlabel("seconds; red: while it lasts nobody can answer")
    for axes in (speed, latency, faults):
        axes.grid(visible=True, alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
