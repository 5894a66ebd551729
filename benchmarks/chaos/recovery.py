"""How long delayed jobs took to recover. Pure.

A job is delayed when more than a second lies between its acceptance and its end, both by its record. Its recovery is
this time, without the seconds in which the store or the network was out: while nobody can answer, nothing can recover.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.chaos.history import JobHistory

#: Without a fault a job takes a small part of this.
NORMAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """A fault as far as recovery is concerned."""

    began_at: float
    #: When it was healed.
    ended_at: float
    #: For as long as it lasts, no job can be answered.
    is_outage: bool

    def touches(self, began_at: float, ended_at: float) -> bool:
        """Say whether any of it lies between two moments."""
        return self.began_at <= ended_at and self.ended_at >= began_at


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds, over the jobs that were delayed; 0 when there are none."""

    delayed_jobs: int
    p50_seconds: float
    p99_seconds: float
    max_seconds: float


def summarize_recovery(
    jobs: Iterable[JobHistory], spans: Sequence[Span], *, of: Sequence[Span] | None = None
) -> Recovery:
    """Return the recovery of all jobs that were delayed and came to an end.

    spans: all faults. of: only the jobs that one of these touched count; by default all.
    """
    outages = merge([(span.began_at, span.ended_at) for span in spans if span.is_outage])
    lives = [
        (first.answer.created_at, first.answer.completed_at or first.at)
        for job in jobs
        if (first := job.first_final) is not None and first.answer is not None
    ]
    seconds = sorted(
        find_recovery(accepted_at, ended_at, outages)
        for accepted_at, ended_at in lives
        if ended_at - accepted_at > NORMAL_SECONDS
        and (of is None or any(span.touches(accepted_at, ended_at) for span in of))
    )
    return Recovery(len(seconds), percentile(seconds, 0.50), percentile(seconds, 0.99), percentile(seconds, 1.0))


def find_recovery(accepted_at: float, ended_at: float, outages: Sequence[tuple[float, float]]) -> float:
    """Return the seconds between acceptance and end that were no outage; outages do not overlap."""
    out = sum(max(0.0, min(stop, ended_at) - max(begin, accepted_at)) for begin, stop in outages)
    return max(0.0, ended_at - accepted_at - out)


def merge(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of intervals, in order."""
    merged: list[tuple[float, float]] = []
    for begin, stop in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((begin, stop))
    return merged


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed; 0 when there are none."""
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
