"""The benchmark of overload says what did not hold, and how what it saw is spread."""

from dataclasses import replace

import pytest

from benchmarks.overload import Overload, Spread, Visit, judge_visits, spread

NONE = Spread(0.0, 0.0, 0.0, 0.0, 0.0)
HELD = Overload(
    capacity_per_second=60.0,
    answered_per_second=58.0,
    load=3.1,
    asked=900,
    refused=600,
    left=120,
    accepted_at_first_return=0.97,
    told_right_within_two=0.95,
    told_seconds=NONE,
    took_to_told=NONE,
    wait_seconds=NONE,
    limit_seconds=10.0,
    answered_late=0,
    api_bytes_before=100,
    api_bytes_settled=200,
    api_bytes_after=219,
)


def test_a_run_in_which_every_promise_held_breaks_none() -> None:
    assert HELD.broken() == []


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        pytest.param({"answered_late": 1}, "an accepted job was answered late", id="late"),
        pytest.param({"told_right_within_two": 0.89}, "fewer than 90 % were told right", id="told wrong"),
        pytest.param({"api_bytes_after": 221}, "memory grew", id="memory"),
        pytest.param({"refused": 0}, "nobody was refused", id="no overload"),
    ],
)
def test_what_did_not_hold_is_named(found: dict[str, int], broken: str) -> None:
    assert replace(HELD, **found).broken() == [broken]  # type: ignore[arg-type]  # Each is of its field's type.


def test_only_those_who_came_back_are_judged() -> None:
    visits = [
        Visit("prd_a"),
        Visit("prd_b", told_seconds=2.0, took_seconds=2.1, refusals=1),
        Visit("prd_c", told_seconds=2.0, took_seconds=4.1, refusals=2),
        Visit(told_seconds=2.0, refusals=1),
    ]

    found = judge_visits(visits)

    assert (found["asked"], found["refused"], found["left"]) == (4, 3, 1)
    assert (found["accepted_at_first_return"], found["told_right_within_two"]) == (0.5, 0.5)


def test_a_spread_is_told_by_its_quantiles() -> None:
    assert spread([float(number) for number in range(101)]) == Spread(10.0, 50.0, 90.0, 99.0, 100.0)
