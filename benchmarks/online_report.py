"""Medians as tables for people, and the figures of the one line of JSON for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.online_measure import Point

#: Subjects by name, in the order of the table; their points by number of connections.
Points = Mapping[str, Mapping[int, Point]]
Figures = dict[str, float | int | str | None]
#: The numbers of connections that bars are about.
_ONE, _FEW, _MANY = 1, 16, 64


@dataclass(frozen=True, slots=True)
class OnlineResult:
    """What a run has found."""

    points: Points
    #: Names of those subjects that are other model servers.
    peers: Sequence[str] = ()
    #: Rows per second of the model alone, in as many processes as there are workers; None for a model without delay.
    model_limit: float | None = None
    notes: Mapping[str, str] = field(default_factory=dict)


def render_tables(result: OnlineResult) -> str:
    """Return a table for each number of connections."""
    counts = next(iter(result.points.values())).keys()
    tables = [_render_table(result, connections) for connections in counts]
    notes = [f"{name}: {note}" for name, note in result.notes.items()]
    if result.model_limit is not None:
        notes.append(f"the model alone, 64 rows a call: {result.model_limit:,.0f} rows/s")
    return "\n\n".join([*tables, "\n".join(notes)]).rstrip()


def _render_table(result: OnlineResult, connections: int) -> str:
    head = (
        f"{f'{connections} connections':<20}{'answers/s':>10}{'rows/s':>9}{'vs control':>11}{'p50 s':>9}{'p99 s':>9}"
        f"{'CPU s/1k rows':>15}{'API':>7}{'worker':>8}{'store':>7}"
        f"{'msgs/1k':>9}{'rows/msg':>9}{'polls':>7}{'others':>8}"
    )
    control = result.points["control"][connections]
    lines = [_render_line(name, of[connections], control) for name, of in result.points.items()]
    return "\n".join([head, "-" * len(head), *lines])


def _render_line(name: str, point: Point, control: Point) -> str:
    ratio = point.answers_per_second / control.answers_per_second
    rows_per_message = f"{point.rows_per_message:.1f}" if point.rows_per_message else ""
    polls = f"{point.polls_per_answer:.1f}" if point.polls_per_answer else ""
    return (
        f"{name:<20}{point.answers_per_second:>10,.0f}{point.rows_per_second:>9,.0f}{ratio:>11.2f}"
        f"{point.p50_seconds:>9.4f}{point.p99_seconds:>9.4f}"
        f"{point.cpu_seconds:>15.2f}{point.api_cpu_seconds:>7.2f}{point.worker_cpu_seconds:>8.2f}"
        f"{point.store_cpu_seconds:>7.2f}"
        f"{point.messages:>9.1f}{rows_per_message:>9}{polls:>7}{point.foreign_cpu_share:>8.0%}"
    )


def compute_figures(result: OnlineResult) -> Figures:
    """Return the ratios that the bars are about, all of one run; None where a number of connections was left out."""
    sync = _at(result, "ours_sync", _MANY)
    return {
        **_compute_ratios(result),
        "rows_per_message_64": None if sync is None else _round(sync.rows_per_message),
        "p99_vs_p50_64": None if sync is None else _round(sync.p99_seconds / sync.p50_seconds),
        **_compute_peer_figures(result),
        **_compute_limit_figures(result),
        **_list_points(result),
        "foreign_cpu_share": _round(
            max(point.foreign_cpu_share for of in result.points.values() for point in of.values())
        ),
    }


def _compute_ratios(result: OnlineResult) -> Figures:
    def ratio(field_name: str, above: str, below: str, connections: int) -> float | None:
        first, second = _at(result, above, connections), _at(result, below, connections)
        if first is None or second is None or not getattr(second, field_name):
            return None
        return _round(getattr(first, field_name) / getattr(second, field_name))

    speed = "answers_per_second"
    return {
        "sync_16_vs_control": ratio(speed, "ours_sync", "control", _FEW),
        "sync_64_vs_control": ratio(speed, "ours_sync", "control", _MANY),
        "submit_64_vs_control": ratio(speed, "ours_submit", "control", _MANY),
        "poll_64_vs_control": ratio(speed, "ours_poll", "control", _MANY),
        "sync_64_vs_naive": ratio(speed, "ours_sync", "naive_celery", _MANY),
        "sync_64_vs_in_process": ratio(speed, "ours_sync", "in_process", _MANY),
        "sync_64_vs_in_process_gunicorn": ratio(speed, "ours_sync", "in_process_gunicorn", _MANY),
        # Of these two less is better.
        "p50_1_vs_naive": ratio("p50_seconds", "ours_sync", "naive_celery", _ONE),
        "cpu_vs_naive": ratio("cpu_seconds", "ours_sync", "naive_celery", _MANY),
    }


def _compute_peer_figures(result: OnlineResult) -> Figures:
    """Return how we compare with the fastest of the peers."""
    sync = _at(result, "ours_sync", _MANY)
    found = [(point.answers_per_second, name) for name in result.peers if (point := _at(result, name, _MANY))]
    if sync is None or not found:
        return {"sync_64_vs_best_peer": None, "best_peer": None}
    speed, name = max(found)
    return {"sync_64_vs_best_peer": _round(sync.answers_per_second / speed), "best_peer": name}


def _compute_limit_figures(result: OnlineResult) -> Figures:
    """Return how much of the model's own speed gets through to clients, where that can be told."""
    if result.model_limit is None:
        return {}
    best = {
        name: max(point.rows_per_second for point in of.values())
        for name, of in result.points.items()
        if name.startswith("ours_") and name != "ours_submit"
    }
    return {
        "model_limit_rows_per_second": round(result.model_limit),
        **{
            f"{name.removeprefix('ours_')}_vs_model_limit": _round(speed / result.model_limit)
            for name, speed in best.items()
        },
    }


def _list_points(result: OnlineResult) -> Figures:
    figures: Figures = {}
    for name, of in result.points.items():
        for connections, point in of.items():
            figures[f"{name}_{connections}_rps"] = round(point.answers_per_second, 1)
            figures[f"{name}_{connections}_p50_seconds"] = round(point.p50_seconds, 6)
            figures[f"{name}_{connections}_p99_seconds"] = round(point.p99_seconds, 6)
    return figures


def _at(result: OnlineResult, name: str, connections: int) -> Point | None:
    return result.points.get(name, {}).get(connections)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
