"""A service under load: what can be known without simulating."""

import pytest

from benchmarks.scaling.fleet import METRIC_DELAY_SECONDS, START_SECONDS, Fleet
from benchmarks.scaling.loads import CALM_SECONDS, Load, ramp, steady, step
from benchmarks.scaling.policies import Scaler, Tracking
from benchmarks.scaling.service_time import ServiceTime

#: 50 rows a second, each in a message of its own.
TIME = ServiceTime(cpu_seconds=0.0, row_seconds=0.02, idle_seconds=0.0, message_rows=1)
HOUR = 3600


def fixed(tasks: int) -> Fleet:
    """Return a service that nobody scales."""
    return Fleet(TIME, Scaler((), None, minimum=tasks, maximum=tasks), senders=1)


def tracked(maximum: int = 100) -> Fleet:
    """Return a service that is scaled by CPU."""
    return Fleet(TIME, Scaler((Tracking("cpu_percent", 50),), None, minimum=1, maximum=maximum), senders=1)


@pytest.mark.parametrize(
    "load", [steady(40), step(10, 300), ramp(0.1, 500, seconds=600)], ids=["steady", "step", "ramp"]
)
def test_no_row_is_made_and_none_is_lost(load: Load) -> None:
    run = tracked().run(load, tasks=1, seconds=HOUR)

    assert sum(run.arrived) == pytest.approx(sum(run.served) + run.waiting[-1])


def test_nobody_waits_while_there_is_room() -> None:
    run = fixed(2).run(steady(99), tasks=2, seconds=600)

    assert run.waits() == [0.0] * 600
    assert run.processor[-1] == pytest.approx(99)


def test_what_is_too_much_waits_as_arithmetic_says() -> None:
    run = fixed(1).run(steady(75), tasks=1, seconds=600)

    assert run.waiting[-1] == pytest.approx(600 * 25)
    # The row that comes after t seconds waits for 75 t / 50 - t.
    assert run.waits()[200] == pytest.approx(200 * 25 / 50, abs=2)
    assert run.late_share(2) == pytest.approx(1 - 5 / 600, abs=0.005)


def test_a_burst_is_worked_off_as_arithmetic_says() -> None:
    run = fixed(2).run(lambda second: 1000 if second == 10 else 50, tasks=2, seconds=100)

    assert run.waiting[10] == pytest.approx(900)
    # 900 rows at the 50 a second that are free.
    assert run.waiting[27] > 0
    assert run.waiting[28] == pytest.approx(0)


def test_a_fleet_that_is_tracked_settles_at_its_target() -> None:
    run = tracked().run(steady(400), tasks=1, seconds=4 * HOUR)

    assert run.tasks[-1] == 16
    assert run.processor[-1] == pytest.approx(50)


def test_nothing_helps_before_metrics_alarm_and_start_are_over() -> None:
    run = tracked().run(step(20, 80), tasks=1, seconds=HOUR)
    first_help = next(second for second, tasks in enumerate(run.tasks) if tasks > 1)

    assert first_help - CALM_SECONDS >= 3 * 60 + METRIC_DELAY_SECONDS + START_SECONDS
    assert first_help - CALM_SECONDS <= 6 * 60


def test_tasks_are_bounded() -> None:
    run = tracked(maximum=3).run(steady(1000), tasks=1, seconds=HOUR)

    assert max(run.tasks) == 3


def test_more_rows_than_a_message_holds_are_split() -> None:
    run = fixed(1).run(steady(100), tasks=1, seconds=60)

    assert max(run.served) == pytest.approx(50)


def test_a_message_that_gathers_waits_for_one_of_each_api_process() -> None:
    time = ServiceTime(cpu_seconds=0.0, row_seconds=0.0, idle_seconds=0.1, message_rows=100)
    fleet = Fleet(time, Scaler((), None, minimum=2, maximum=2), senders=7)

    alone = fleet.run(steady(19), tasks=2, seconds=60)
    gathered = fleet.run(steady(40), tasks=2, seconds=60)

    assert alone.longest_wait == 0
    assert gathered.longest_wait == pytest.approx(7 * 0.1)
