"""The tables, the picture and the figures of a run."""

import json
from pathlib import Path

import pytest

from benchmarks.online_measure import Point
from benchmarks.online_plot import draw
from benchmarks.online_report import OnlineResult, compute_figures, render_tables
from benchmarks.report import render_json


def point(speed: float, **changes: float) -> Point:
    values = {
        "answers_per_second": speed,
        "rows_per_second": speed,
        "p50_seconds": 0.02,
        "p99_seconds": 0.05,
        "cpu_seconds": 1.0,
        "api_cpu_seconds": 0.5,
        "worker_cpu_seconds": 0.25,
        "store_cpu_seconds": 0.125,
        "messages": 0.0,
        "polls_per_answer": 0.0,
        "foreign_cpu_share": 0.01,
    }
    return Point(**(values | changes))


@pytest.fixture
def result() -> OnlineResult:
    return OnlineResult(
        {
            "control": {1: point(1_000), 16: point(2_000), 64: point(2_000)},
            "naive_celery": {1: point(100, p50_seconds=0.008), 16: point(150), 64: point(200, cpu_seconds=8.0)},
            "in_process": {1: point(800), 16: point(1_500), 64: point(1_600)},
            "in_process_gunicorn": {1: point(700), 16: point(1_000), 64: point(1_000)},
            "slow_peer": {1: point(10), 16: point(20), 64: point(30)},
            "fast_peer": {1: point(100), 16: point(400), 64: point(800)},
            "ours_sync": {
                1: point(200, p50_seconds=0.004),
                16: point(1_000),
                64: point(3_200, cpu_seconds=0.5, messages=40.0, foreign_cpu_share=0.2),
            },
            "ours_submit": {1: point(300), 16: point(1_500), 64: point(4_000)},
            "ours_poll": {1: point(150), 16: point(400), 64: point(500, polls_per_answer=2.5)},
        },
        peers=("slow_peer", "fast_peer"),
    )


def test_the_figures_are_ratios_of_one_run(result: OnlineResult) -> None:
    figures = compute_figures(result)

    assert {name: figures[name] for name in list(figures)[:13]} == {
        "sync_16_vs_control": 0.5,
        "sync_64_vs_control": 1.6,
        "submit_64_vs_control": 2.0,
        "poll_64_vs_control": 0.25,
        "sync_64_vs_naive": 16.0,
        "sync_64_vs_in_process": 2.0,
        "sync_64_vs_in_process_gunicorn": 3.2,
        "p50_1_vs_naive": 0.5,
        "cpu_vs_naive": 0.062,
        "rows_per_message_64": 25.0,
        "p99_vs_p50_64": 2.5,
        "sync_64_vs_best_peer": 4.0,
        "best_peer": "fast_peer",
    }


def test_every_point_is_among_the_figures(result: OnlineResult) -> None:
    figures = compute_figures(result)

    assert figures["in_process_16_rps"] == 1_500
    assert figures["ours_sync_1_p50_seconds"] == 0.004
    assert figures["foreign_cpu_share"] == 0.2


def test_figures_of_connections_that_were_left_out_are_null() -> None:
    figures = compute_figures(OnlineResult({"control": {4: point(1_000)}, "ours_sync": {4: point(500)}}))

    read = json.loads(render_json(figures))

    assert [read[name] for name in ("sync_64_vs_control", "p50_1_vs_naive", "rows_per_message_64", "best_peer")] == [
        None,
        None,
        None,
        None,
    ]
    assert read["ours_sync_4_rps"] == 500


def test_a_slow_model_is_compared_with_its_own_limit() -> None:
    points = {
        "control": {1: point(1_000), 64: point(2_000)},
        "ours_submit": {1: point(100), 64: point(1_000)},
        "ours_poll_16_rows": {1: point(50, rows_per_second=800.0), 64: point(300, rows_per_second=4_800.0)},
    }

    figures = compute_figures(OnlineResult(points, model_limit=6_000.0))

    assert figures["model_limit_rows_per_second"] == 6_000
    assert figures["poll_16_rows_vs_model_limit"] == 0.8
    assert "submit_vs_model_limit" not in figures


def test_there_is_a_table_for_each_number_of_connections(result: OnlineResult) -> None:
    tables = render_tables(result).split("\n\n")

    assert [table.splitlines()[0].split("  ")[0] for table in tables] == [
        "1 connections",
        "16 connections",
        "64 connections",
    ]
    assert tables[2].splitlines()[8].split()[:4] == ["ours_sync", "3,200", "3,200", "1.60"]


def test_limit_and_notes_stand_below_the_tables(result: OnlineResult) -> None:
    with_notes = OnlineResult(result.points, model_limit=5_333.3, notes={"fast_peer": "version 1.2"})

    assert render_tables(with_notes).splitlines()[-2:] == [
        "fast_peer: version 1.2",
        "the model alone, 64 rows a call: 5,333 rows/s",
    ]


def test_a_run_can_be_drawn(result: OnlineResult, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    draw(result, tmp_path / "run.png", title="a run")

    assert (tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
