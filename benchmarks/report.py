"""Medians as a table for people, and one line of JSON for machines."""

import json
from collections.abc import Mapping

from benchmarks.measure import Summary

Figures = Mapping[str, float | int | str | None]
_MEBIBYTE = 1 << 20


def render_table(summaries: Mapping[str, Summary], notes: Mapping[str, str]) -> str:
    """Return a line for each subject, then the peak memory of every process of ours."""
    head = f"{'what':<14}{'rows':>12}{'seconds':>10}{'rows/s':>12}{'CPU s/1M rows':>15}{'peak RSS MB':>13}{'others':>8}"
    lines = [head, "-" * len(head)]
    lines += [_render_line(summary, notes.get(name, "")) for name, summary in summaries.items()]
    lines += ["", "peak RSS MB of every process of the service"]
    for summary in summaries.values():
        if summary.phases:
            peaks = sorted(summary.peak_rss_bytes.items())
            lines.append(f"  {summary.name}: " + ", ".join(f"{name} {_megabytes(peak):.0f}" for name, peak in peaks))
    return "\n".join(lines)


def _render_line(summary: Summary, note: str) -> str:
    split = ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in summary.phases.items())
    text = "; ".join(part for part in (split, note) if part)
    return (
        f"{summary.name:<14}{summary.rows:>12,}{summary.seconds:>10.2f}{summary.rows_per_second:>12,.0f}"
        f"{summary.cpu_seconds_per_million_rows:>15.2f}{_megabytes(summary.largest_rss_bytes):>13.0f}"
        f"{summary.foreign_cpu_share:>8.0%}  {text}"
    ).rstrip()


def compute_figures(summaries: Mapping[str, Summary]) -> dict[str, float | int | str | None]:
    """Return the ratios that the bars are about; all are of one run, and above 1 we are the faster."""
    speed = {name: summary.rows_per_second for name, summary in summaries.items()}
    ours = [summary for summary in summaries.values() if summary.phases]
    worker_seconds = summaries["ours_1"].worker_cpu_seconds
    predict_seconds = summaries["predict"].cpu_seconds_per_million_rows * summaries["predict"].rows / 1e6
    bad = summaries.get("ours_2_bad")
    return {
        "two_workers_vs_limit": _round(speed["ours_2"] / speed["limit_2"]),
        "one_worker_vs_limit": _round(speed["ours_1"] / speed["limit_1"]),
        "one_worker_vs_pyarrow": _round(speed["ours_1"] / speed["pyarrow"]),
        "vs_naive_celery": _round(speed["ours_2"] / speed["naive_celery"]),
        "rows_per_second": round(speed["ours_2"]),
        "peak_rss_mb": round(max(_megabytes(summary.largest_rss_bytes) for summary in ours), 1),
        "foreign_cpu_share": _round(max(summary.foreign_cpu_share for summary in summaries.values())),
        "outside_predict_share": _round(1 - predict_seconds / worker_seconds) if worker_seconds else None,
        "bad_vs_clean_time": _round(bad.seconds / summaries["ours_2"].seconds) if bad else None,
    }


def render_json(figures: Figures) -> str:
    """Return the last line of the output."""
    return json.dumps(figures)


def _megabytes(count: int) -> float:
    return count / _MEBIBYTE


def _round(ratio: float) -> float:
    return round(ratio, 3)
