"""Growth, told from noise."""

import math

import pytest

from benchmarks.chaos.growth import fit_trend

HOUR = [minute * 60.0 for minute in range(61)]


def waves(*, rise: float) -> list[float]:
    """A hundred that goes up and down by two, and rises by so much in an hour."""
    return [100 + 2 * math.sin(moment / 200) + rise * moment / 3600 for moment in HOUR]


def test_a_straight_line_is_its_own_trend() -> None:
    trend = fit_trend(HOUR, [100 + moment / 360 for moment in HOUR])

    assert trend.slope_per_hour == pytest.approx(10)
    assert trend.noise_per_hour == pytest.approx(0, abs=1e-6)
    assert trend.grows


@pytest.mark.parametrize(
    ("values", "grows"),
    [
        (waves(rise=0), False),
        (waves(rise=20), True),
        (waves(rise=-20), False),
        (waves(rise=1), False),
        ([100.0] * 61, False),
    ],
    ids=["up and down", "up and down, and up", "down", "up by one in a hundred", "nothing at all"],
)
def test_only_what_is_sure_and_matters_is_growth(values: list[float], grows: bool) -> None:
    assert fit_trend(HOUR, values).grows is grows
