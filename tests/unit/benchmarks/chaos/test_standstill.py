"""A machine that stands still."""

from benchmarks.chaos.recovery import Span
from benchmarks.chaos.standstill import StandstillWatch


def test_a_look_that_comes_far_too_late_is_a_standstill() -> None:
    watch = StandstillWatch(notable_seconds=3.0)

    moments = [watch.look(10.0, 10.25), watch.look(10.25, 12.0), watch.look(12.0, 19.0)]

    assert moments == [10.25, 12.0, 19.0]
    assert watch.spans == [Span(12.0, 19.0, is_outage=True)]
