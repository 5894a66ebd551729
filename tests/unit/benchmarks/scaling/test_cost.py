"""What a month costs."""

import pytest

from benchmarks.scaling import cost
from benchmarks.scaling.cost import HUNDRED_MILLION, IDLE, LINES, MILLION
from benchmarks.scaling.prices import PRICES, Price


def test_a_fargate_task_of_the_api_costs_what_its_parts_do() -> None:
    # 730 h of half a vCPU at 0.03238 and of 1 GB at 0.00356, three times.
    assert LINES["API"](IDLE) == pytest.approx(3 * 730 * (0.5 * 0.03238 + 0.00356))


def test_a_stack_that_nobody_asks_costs_its_floor() -> None:
    assert 600 < cost.total(IDLE) < 700


def test_a_million_a_day_needs_no_more_tasks_than_the_floor() -> None:
    assert LINES["API"](MILLION) == LINES["API"](IDLE)
    assert LINES["interactive workers"](MILLION) == LINES["interactive workers"](IDLE)


def test_single_rows_take_three_calls_of_the_queue() -> None:
    # A million a day is 30.4 million a month.
    assert LINES["SQS"](MILLION) == pytest.approx(3 * 1e6 * 730 / 24 / 1e6 * 0.40)


def test_gathered_rows_share_the_calls_of_the_queue() -> None:
    assert cost.rows_per_message(HUNDRED_MILLION.per_second) > 7
    assert LINES["SQS"](HUNDRED_MILLION) < 100 * LINES["SQS"](MILLION) / 7


def test_at_volume_most_of_the_bill_is_the_firewall() -> None:
    assert LINES["WAF"](HUNDRED_MILLION) > cost.total(HUNDRED_MILLION) / 2


def test_the_records_of_a_day_do_not_fit_at_a_hundred_million() -> None:
    assert cost.retention_that_fits(MILLION.per_second) > 86_400
    assert cost.retention_that_fits(HUNDRED_MILLION.per_second) < 86_400


@pytest.mark.parametrize("price", PRICES.values(), ids=PRICES)
def test_a_price_says_where_it_is_from_and_of_when(price: Price) -> None:
    assert price.source
    assert "2026" in price.date or (price.source, price.date) == ("from memory", "not checked")
