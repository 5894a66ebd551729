"""What a point is made of."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks.measure import CLIENT, Measurement, ProcessUse
from benchmarks.online_measure import Point, count_messages, make_point, median_point
from benchmarks.wrk import Load


class FakeStore:
    """A server that tells its commands."""

    def __init__(self, **calls: int) -> None:
        self._calls = calls

    def info(self, _section: str) -> dict[str, Any]:
        return {f"cmdstat_{name}": {"calls": calls, "usec": 1} for name, calls in self._calls.items()}


@pytest.fixture
def point() -> Point:
    uses = [
        ProcessUse(CLIENT, cpu_seconds=9.0, peak_rss_bytes=0),
        ProcessUse("api", cpu_seconds=1.0, peak_rss_bytes=0),
        ProcessUse("api", cpu_seconds=2.0, peak_rss_bytes=0),
        ProcessUse("worker-0", cpu_seconds=0.5, peak_rss_bytes=0),
        ProcessUse("bulk-worker-0", cpu_seconds=0.1, peak_rss_bytes=0),
        ProcessUse("store", cpu_seconds=0.25, peak_rss_bytes=0),
    ]
    measurement = Measurement(8_000, 2.5, tuple(uses), foreign_cpu_share=0.1)
    load = Load(answers=4_000, seconds=2.0, p50_seconds=0.01, p99_seconds=0.03, polls=6_000)
    return make_point(load, measurement, messages=400)


def test_the_rates_are_those_that_the_clients_saw(point: Point) -> None:
    assert (point.answers_per_second, point.rows_per_second) == (2_000, 4_000)
    assert (point.p50_seconds, point.p99_seconds, point.polls_per_answer) == (0.01, 0.03, 1.5)


def test_cpu_is_told_by_group_and_for_a_thousand_rows(point: Point) -> None:
    assert point.cpu_seconds == pytest.approx(3.85 / 8)
    assert (point.api_cpu_seconds, point.worker_cpu_seconds, point.store_cpu_seconds) == (3 / 8, 0.5 / 8, 0.25 / 8)


def test_messages_are_told_for_a_thousand_rows_and_as_rows_of_one(point: Point) -> None:
    assert (point.messages, point.rows_per_message) == (50, 20)


def test_without_messages_there_are_no_rows_of_one(point: Point) -> None:
    assert replace(point, messages=0).rows_per_message is None


def test_each_field_of_the_median_is_a_median_of_its_own(point: Point) -> None:
    points = [
        replace(point, answers_per_second=speed, p50_seconds=seconds)
        for speed, seconds in ((1.0, 0.2), (3.0, 0.1), (2.0, 0.9))
    ]

    found = median_point(points)

    assert (found.answers_per_second, found.p50_seconds, found.p99_seconds) == (2.0, 0.2, 0.03)


@pytest.mark.parametrize(
    ("store", "messages"),
    [(FakeStore(lpush=7, rpush=1), 7), (FakeStore(), 0), (None, 0)],
    ids=["messages", "no message yet", "no queue"],
)
def test_messages_are_what_was_pushed_to_the_head_of_a_list(store: Any, messages: int) -> None:
    assert count_messages(store) == messages
