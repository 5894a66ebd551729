"""How AWS changes the number of tasks."""

from dataclasses import replace

import pytest

from benchmarks.scaling.policies import Burst, Minute, Scaler, Tracking

CALM = Minute(cpu_percent=55, messages_per_task=100, requests_per_task=0, oldest_seconds=0)
BUSY = replace(CALM, cpu_percent=110)
IDLE = replace(CALM, cpu_percent=11, messages_per_task=0)
OLD = replace(CALM, oldest_seconds=16)
CPU = Tracking("cpu_percent", 55)
BACKLOG = Tracking("messages_per_task", 100)


def decide_often(scaler: Scaler, minutes: list[Minute], tasks: int = 10) -> list[int]:
    """Return what is decided after each minute, while the number of tasks stays as it is."""
    return [scaler.decide(60.0 * number, tasks, minute) for number, minute in enumerate(minutes)]


def test_three_minutes_above_the_target_add_tasks_in_proportion() -> None:
    scaler = Scaler((CPU,), None, minimum=1, maximum=100)

    assert decide_often(scaler, [BUSY] * 3) == [10, 10, 20]


def test_a_calm_minute_between_starts_the_count_again() -> None:
    scaler = Scaler((CPU,), None, minimum=1, maximum=100)

    assert decide_often(scaler, [BUSY, BUSY, CALM, BUSY, BUSY]) == [10] * 5


def test_fifteen_minutes_below_take_tasks_away() -> None:
    scaler = Scaler((CPU,), None, minimum=1, maximum=100)

    assert decide_often(scaler, [IDLE] * 15) == [10] * 14 + [2]


def test_tasks_stay_while_one_policy_needs_them() -> None:
    scaler = Scaler((CPU, BACKLOG), None, minimum=1, maximum=100)

    assert decide_often(scaler, [replace(IDLE, cpu_percent=54)] * 30) == [10] * 30


def test_the_cooldown_holds_back_another_change() -> None:
    scaler = Scaler((replace(CPU, scale_out_cooldown=120),), None, minimum=1, maximum=100)

    assert decide_often(scaler, [BUSY] * 5) == [10, 10, 20, 10, 20]


def test_one_minute_with_an_old_message_doubles_the_service() -> None:
    scaler = Scaler((CPU,), Burst(15), minimum=1, maximum=100)

    assert decide_often(scaler, [OLD]) == [20]


@pytest.mark.parametrize(("minute", "bound"), [(BUSY, 12), (IDLE, 8)], ids=["maximum", "minimum"])
def test_the_bounds_hold(minute: Minute, bound: int) -> None:
    scaler = Scaler((CPU,), None, minimum=8, maximum=12)

    assert set(decide_often(scaler, [minute] * 15)) == {10, bound}
