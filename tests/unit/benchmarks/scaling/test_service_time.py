"""What a message costs."""

from math import inf

import pytest

from benchmarks.scaling.service_time import API, DEFAULT_MODEL, MEASURED_ROWS, SLOW_ROW, ServiceTime, fit

TIME = ServiceTime(cpu_seconds=0.01, row_seconds=0.001, idle_seconds=0.01, message_rows=100)


def test_the_two_measured_messages_lie_on_the_fitted_line() -> None:
    fixed, per_row = fit(0.0016, 0.0020, 20)

    assert fixed + per_row == pytest.approx(0.0016)
    assert fixed + 20 * per_row == pytest.approx(0.0020)


def test_the_default_model_costs_what_was_measured() -> None:
    assert DEFAULT_MODEL.processor_share(1, 1) == pytest.approx(0.0016)
    assert DEFAULT_MODEL.processor_share(1, MEASURED_ROWS) == pytest.approx(0.0001)
    assert API.processor_share(1, MEASURED_ROWS) == pytest.approx(0.00031)


def test_a_fuller_message_makes_a_process_faster() -> None:
    assert TIME.rows_per_second(1) == pytest.approx(1 / 0.021)
    assert TIME.highest_rows_per_second == pytest.approx(100 / 0.12)


def test_rows_come_alone_while_a_process_keeps_up() -> None:
    assert TIME.rows_that_keep_up(40) == 1


def test_messages_grow_until_they_keep_up_exactly() -> None:
    rows = TIME.rows_that_keep_up(500)

    assert rows == pytest.approx(20)
    assert TIME.rows_per_second(rows) == pytest.approx(500)


@pytest.mark.parametrize("rate", [840, 1000, 5000])
def test_beyond_full_messages_nothing_keeps_up(rate: float) -> None:
    assert TIME.rows_that_keep_up(rate) == inf


def test_a_model_that_works_row_by_row_is_never_faster_than_its_rows() -> None:
    assert SLOW_ROW.highest_rows_per_second < 1 / 0.02


def test_half_a_processor_takes_twice_the_time_and_waits_as_long() -> None:
    assert TIME.on(0.5).seconds(10) == pytest.approx(0.01 + 2 * (0.01 + 10 * 0.001))
