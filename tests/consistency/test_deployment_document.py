"""The deployment page says what the programs say."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scaling import cost
from benchmarks.scaling.cost import HUNDRED_MILLION, LINES, MILLION
from benchmarks.scaling.prices import price_table
from benchmarks.scaling.report import simulate, table
from benchmarks.scaling.scenarios import (
    ACCEPTABLE_WAIT_SECONDS,
    CPU_PERCENT,
    LOADS,
    REQUESTS_PER_SECOND,
    REQUESTS_SHARE,
    SENDERS,
    services,
)
from benchmarks.scaling.service_time import API, DEFAULT_MODEL
from docs.diagrams import architecture

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/deployment.md"
PROCESSES = ("API", "interactive workers", "bulk worker")
#: What the page links to, without the part behind #.
LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE.read_text())))


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def test_the_simulation_is_the_programs_output(page: str) -> None:
    assert table(simulate(services(), LOADS)) in page


def test_sizes_costs_and_prices_are_the_programs_output(page: str) -> None:
    assert cost.sizes_table() in page
    assert cost.cost_table() in page
    assert price_table() in page


def test_the_picture_is_drawn_by_the_program_beside_it() -> None:
    assert (ROOT / "docs/diagrams/architecture.svg").read_text() == architecture.draw()


@pytest.mark.parametrize("rows", [1, 20, 64, 512])
def test_the_table_of_the_service_time_is_the_measured_one(page: str, rows: int) -> None:
    processor = DEFAULT_MODEL.cpu_seconds + rows * DEFAULT_MODEL.row_seconds

    assert f" {DEFAULT_MODEL.seconds(rows):.4f} |" in page
    assert f" {processor:.4f} |" in page
    assert f" {DEFAULT_MODEL.rows_per_second(rows):,.0f} |" in page


def test_the_most_tasks_of_the_api_carry_the_dearest_peak(page: str) -> None:
    peak = cost.PEAK_FACTOR * HUNDRED_MILLION.per_second
    requests = cost.requests_of_a_task_at_most(peak)

    assert f"{requests:.0f} a second\n  each, {cost.api_busy(requests):.0%} busy".replace("%", " %") in page
    assert cost.api_busy(requests) < CPU_PERCENT / 100


def test_the_requests_of_a_task_ask_for_another_before_its_processor_does(page: str) -> None:
    busy = cost.api_busy(REQUESTS_SHARE * REQUESTS_PER_SECOND)

    assert f"{busy:.0%} busy with 90".replace("%", " %") in page
    assert busy < CPU_PERCENT / 100


def test_the_formula_is_the_fitted_one(page: str) -> None:
    assert (
        f"worker: {1000 * DEFAULT_MODEL.cpu_seconds:.2f} ms + {1000 * DEFAULT_MODEL.row_seconds:.3f} ms * rows; "
        f"API: {1000 * API.cpu_seconds:.2f} ms + {1000 * API.row_seconds:.2f} ms * rows"
    ) in page.replace("\u00d7", "*")
    assert f"{1000 * DEFAULT_MODEL.idle_seconds:.1f} ms are assumed" in page


def test_the_wait_of_gathering_is_computed(page: str) -> None:
    rows = DEFAULT_MODEL.rows_that_keep_up(2000 / 3)
    wait = SENDERS * DEFAULT_MODEL.seconds(rows)

    assert f"{SENDERS} API tasks run, and it is {wait:.1f} s" in page
    assert wait < ACCEPTABLE_WAIT_SECONDS


def test_the_assumption_about_the_queue_is_varied(page: str) -> None:
    slower = replace(DEFAULT_MODEL, idle_seconds=3 * DEFAULT_MODEL.idle_seconds)
    wait = SENDERS * slower.seconds(slower.rows_that_keep_up(2000 / 3))

    assert f"three times as slow as assumed, {wait:.1f} s" in page
    assert wait < ACCEPTABLE_WAIT_SECONDS


@pytest.mark.parametrize(
    "figure",
    [
        "took 3.6 ms of processor time, 1.6 of them the worker's",
        "a row took 310 microseconds of the\nAPI and 100 of the worker",
        "at 64 a message held 20 rows",
    ],
)
def test_the_service_time_is_that_of_the_performance_page(figure: str) -> None:
    assert figure in (PAGE.parent / "performance.md").read_text()


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("128 kills, 0 lost", "128 kills of\nworkers"),
        ("49 kills of API processes", "49 of API processes"),
        ("13 changes of roles", "13 changes of roles"),
        ("117 records deleted", "117 records were deleted"),
        ("3.0 s in the median, 11.1 s at the 99th percentile", "3.0, 11.1, 52.9 s"),
        ("21,104 jobs, each predicted once", "21,104 jobs accepted"),
        ("slowest stop 5.0 s", "the slowest stop took 5.0 of 30 s"),
    ],
)
def test_what_was_seen_to_die_is_told_by_the_delivery_page(page: str, here: str, there: str) -> None:
    assert here in page
    assert there in (PAGE.parent / "delivery.md").read_text()


@pytest.mark.parametrize("figure", ["39,067", "319", "4 of 1,710"])
def test_the_figures_of_the_front_page_are_those_of_the_delivery_page(root: Path, figure: str) -> None:
    assert f"{figure} " in (root / "README.md").read_text()
    assert f"| {figure} " in (PAGE.parent / "delivery.md").read_text()


@pytest.mark.parametrize("volume", [MILLION, HUNDRED_MILLION], ids=lambda volume: volume.name)
def test_what_the_processes_cost_on_ecs_and_lambda_is_computed(page: str, volume: cost.Volume) -> None:
    processes = sum(LINES[name](volume) for name in PROCESSES)

    assert f"| {processes:,.0f} USD |" in page
    assert f"| {cost.lambda_compute(volume):,.0f} USD at" in page


def test_the_levers_are_computed(page: str) -> None:
    without_firewall = cost.total(HUNDRED_MILLION) - LINES["WAF"](HUNDRED_MILLION)
    single_rows = 100 * LINES["SQS"](MILLION)

    assert f"100M a day are {without_firewall:,.0f}." in page
    assert f"for each row ({single_rows:,.0f})" in page
    assert f"would be {LINES['Valkey, 3 nodes'](MILLION):,.0f} instead of {LINES['SQS'](HUNDRED_MILLION):,.0f}" in page
    assert f"{cost.eks_more():.0f} USD a month for each cluster" in page


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    assert (PAGE.parent / link).exists()
