"""Arrivals over time: rows a second at a second of the run."""

from collections.abc import Callable

Load = Callable[[float], float]

#: Seconds before anything changes.
CALM_SECONDS = 600.0


def steady(rate: float) -> Load:
    """Return the same rate for ever."""
    return lambda _second: rate


def ramp(before: float, after: float, *, seconds: float) -> Load:
    """Return a rate that grows evenly."""

    def rate(second: float) -> float:
        share = min(1.0, max(0.0, (second - CALM_SECONDS) / seconds))
        return before + share * (after - before)

    return rate


def step(before: float, after: float) -> Load:
    """Return a rate that changes at once."""
    return lambda second: after if second >= CALM_SECONDS else before
