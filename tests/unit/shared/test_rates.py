"""How a rate is kept: a bucket that fills by the second, told by the seconds until it is full."""

import pytest

from shared.rates import Rate, is_rate


@pytest.mark.parametrize(
    ("per_second", "burst"),
    [(5.0, 50), (0.3, 3), (0.05, 1), (0.0001, 1), (10_000.0, 100_000)],
    ids=["ten seconds of it at once", "whole requests", "at least one", "the slowest", "the fastest"],
)
def test_after_a_pause_ten_seconds_of_requests_may_come_at_once(per_second: float, burst: int) -> None:
    assert Rate("ada", per_second).burst == burst


@pytest.mark.parametrize(
    ("debt_seconds", "left", "wait_seconds"),
    [
        (0.0, 20, 0.0),
        (0.5, 19, 0.0),
        (0.7, 18, 0.0),
        (9.5, 1, 0.0),
        (9.500001, 1, 0.0),
        (9.7, 0, 0.2),
        (10.0, 0, 0.5),
    ],
    ids=["full", "one taken", "a part of one is none", "one left", "but for rounding", "almost one", "empty"],
)
def test_a_debt_tells_what_is_left_and_when_there_is_more(debt_seconds: float, left: int, wait_seconds: float) -> None:
    rate = Rate("ada", 2.0)

    assert rate.left(debt_seconds) == left
    assert rate.wait_seconds(debt_seconds) == pytest.approx(wait_seconds)


@pytest.mark.parametrize("per_second", [0, 0.0001, 1, 10_000])
def test_what_a_bucket_can_be_kept_for_is_a_rate(per_second: float) -> None:
    assert is_rate(per_second)


@pytest.mark.parametrize("per_second", [-1, 0.00001, 10_001, float("nan"), float("inf")])
def test_anything_else_is_none(per_second: float) -> None:
    assert not is_rate(per_second)
