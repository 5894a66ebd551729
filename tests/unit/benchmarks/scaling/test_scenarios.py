"""The parameters that were chosen, and what they do to each load."""

import pytest

from benchmarks.scaling.scenarios import (
    ACCEPTABLE_WAIT_SECONDS,
    LOADS,
    SENDERS,
    Service,
    backlog_per_task,
    full_message_seconds,
    services,
)
from benchmarks.scaling.service_time import DEFAULT_MODEL, SLOW_CALL, SLOW_ROW, ServiceTime

RAMP = LOADS["ramp 100 to 2000/s in 30 min"]
BY_NAME = {service.name: service for service in services()}


@pytest.fixture(params=["API", "default model", "10 ms a call", "20 ms a row, floor of 54"])
def chosen(request: pytest.FixtureRequest) -> Service:
    return BY_NAME[request.param]


def test_the_ramp_costs_nobody_a_deadline(chosen: Service) -> None:
    assert chosen.run(RAMP).late_share(2) == pytest.approx(0)


@pytest.mark.parametrize("load", LOADS)
def test_gathered_rows_need_no_more_workers_than_the_floor(load: str) -> None:
    run = BY_NAME["default model"].run(LOADS[load])

    assert max(run.tasks) == 3
    assert run.longest_wait <= 2


def test_backlog_alone_takes_a_fleet_of_the_right_size_away() -> None:
    run = BY_NAME["20 ms a row, backlog alone"].run(LOADS["steady 1000/s"])

    assert run.late_share(2) > 0.2


def test_no_policy_saves_a_slow_model_from_a_step_of_ten_times() -> None:
    run = BY_NAME["20 ms a row"].run(LOADS["step 200 to 2000/s"])

    assert 0.04 < run.late_share(2) < 0.07
    assert run.longest_wait > 120


def test_the_burst_step_and_the_backlog_shorten_a_step_of_ten_times() -> None:
    load = LOADS["step 200 to 2000/s"]

    assert BY_NAME["20 ms a row"].run(load).late_share(2) < 0.7 * BY_NAME["20 ms a row, CPU alone"].run(
        load
    ).late_share(2)


@pytest.mark.parametrize("time", [DEFAULT_MODEL, SLOW_CALL, SLOW_ROW], ids=["default model", "a call", "a row"])
def test_one_full_message_of_each_api_process_is_done_within_the_acceptable_wait(time: ServiceTime) -> None:
    assert SENDERS * full_message_seconds(time) <= ACCEPTABLE_WAIT_SECONDS


def test_a_message_of_one_row_of_the_default_model_allows_a_hundred() -> None:
    assert backlog_per_task(0.02) == 100
