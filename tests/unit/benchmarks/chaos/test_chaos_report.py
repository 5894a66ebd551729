"""What a run says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos.checker import Verdict
from benchmarks.chaos.control import ControlResult
from benchmarks.chaos.evidence import keep
from benchmarks.chaos.faults import Done
from benchmarks.chaos.history import Answer, Attempt, History, JobHistory, Reading
from benchmarks.chaos.plot import draw
from benchmarks.chaos.recovery import Span
from benchmarks.chaos.report import ChaosResult, compute_figures, exit_status, find_failures, render
from benchmarks.chaos.schedule import KINDS

WORKER_KILL, STORE_KILL = (
    next(kind for kind in KINDS if kind.name == f"{name}") for name in ("worker_stop", "store_kill")
)


@pytest.fixture
def history() -> History:
    history = History()
    answer = Answer("succeeded", created_at=1000.0, completed_at=1003.0)
    job = JobHistory(1, "prd_1", 1000.0, readings=[Reading(1004.0, answer), Reading(1010.0, answer)])
    history.note_attempt(Attempt(1, 999.9, 1000.0, "accepted"), job)
    history.note_attempt(Attempt(2, 1000.0, 1000.1, "rejected", "503"))
    return history


@pytest.fixture
def result(history: History) -> ChaosResult:
    return ChaosResult(
        seed=4,
        broker="redis",
        seconds=60.0,
        notes=["a note"],
        history=history,
        faults=[
            Done(WORKER_KILL, 1000.0, 1001.0, "stopped by itself"),
            Done(STORE_KILL, 1001.0, 1002.0, "down 1.0 s"),
            Done(STORE_KILL, 1005.0, 1006.0, "no such process", is_done=False),
        ],
        verdict=Verdict(accepted=1, ends={"succeeded": 1}),
        wanted_jobs=1,
        open_at_end=0,
        drain_seconds=6.0,
        control=ControlResult(accepted=100, lost={"early": 3, "late": 1}),
        bulk={},
    )


def test_a_run_that_kept_every_promise_has_no_failures(result: ChaosResult) -> None:
    assert find_failures(result) == []


@pytest.mark.parametrize("broken", ["lost", "wrong", "changed", "stuck"])
def test_a_single_broken_promise_fails_the_run(result: ChaosResult, broken: str) -> None:
    verdict = Verdict(1, **dict.fromkeys([broken], ("prd_1",)))  # type: ignore[arg-type]  # one of four of one type

    assert find_failures(replace(result, verdict=verdict)) == [f"1 jobs {broken}, such as prd_1"]


def test_a_run_that_tried_too_few_jobs_has_failed(result: ChaosResult) -> None:
    assert "only 1 of 30000 jobs" in find_failures(replace(result, wanted_jobs=30_000))[0]


def test_jobs_that_stay_open_in_the_store_fail_the_run_though_no_client_knows_them(result: ChaosResult) -> None:
    assert find_failures(replace(result, open_at_end=2)) == ["2 jobs still open in the store"]


def test_a_run_whose_control_lost_nothing_is_void(result: ChaosResult) -> None:
    control = ControlResult(accepted=100, lost={"early": 0, "late": 0})

    assert "VOID" in find_failures(replace(result, control=control))[0]


def test_the_rounds_of_a_control_add_up() -> None:
    total = ControlResult(accepted=100, lost={"early": 0, "late": 0}, pending=1)

    total.add(ControlResult(accepted=50, lost={"early": 2, "late": 1}, failed=3))

    assert (total.accepted, total.all_lost, total.failed, total.pending) == (150, 3, 3, 1)


def test_a_file_with_a_wrong_row_fails_the_run(result: ChaosResult) -> None:
    assert find_failures(replace(result, bulk={"bulk_files": 2, "bulk_bad_files": 1})) == ["1 files bulk_bad_files"]


def test_the_figures_count_what_was_done_and_not_what_was_tried(result: ChaosResult) -> None:
    figures = compute_figures(result)

    assert (figures["accepted"], figures["faults"], figures["fault_kinds"]) == (1, 2, 2)
    assert (figures["lost"], figures["wrong"], figures["changed"], figures["stuck"]) == (0, 0, 0, 0)
    assert (figures["control_lost"], figures["control_accepted"]) == (4, 100)
    assert (figures["rejected"], figures["seed"]) == (1, 4)


def test_recovery_leaves_out_what_the_store_was_down(result: ChaosResult) -> None:
    figures = compute_figures(result)

    assert (figures["delayed_jobs"], figures["recovery_p99_seconds"], figures["job_max_seconds"]) == (1, 2.0, 3.0)


def test_a_time_in_which_the_machine_stood_still_is_an_outage_and_is_told(result: ChaosResult) -> None:
    still = replace(result, standstills=[Span(1000.5, 1001.0, is_outage=True)])

    figures = compute_figures(still)

    assert (figures["recovery_p99_seconds"], figures["standstill_seconds"]) == (1.5, 0.5)
    assert "THE MACHINE STOOD STILL for 0.5 s" in render(still)


def test_the_report_says_what_was_done_and_what_was_not(result: ChaosResult) -> None:
    report = render(result)

    assert "a note" in report
    assert "accepted 1 under 2 faults: 0 lost, 0 wrong, 0 changed, 0 stuck" in report
    assert "4 lost (3 with early acknowledgement, 1 with late acknowledgement)" in report


def test_the_picture_is_a_png(result: ChaosResult, tmp_path: Path) -> None:
    picture = tmp_path / "chaos.png"

    draw(result, picture, title="a run")

    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_clients_saw_can_be_kept(result: ChaosResult, tmp_path: Path) -> None:
    logs = tmp_path / "run" / "rowcall" / "logs"
    logs.mkdir(parents=True)
    (logs / "api.log").write_text("a line")

    keep(result, tmp_path / "run", tmp_path / "kept")

    jobs = (tmp_path / "kept" / "jobs.jsonl").read_text().splitlines()
    faults = (tmp_path / "kept" / "faults.jsonl").read_text().splitlines()
    assert json.loads(jobs[0])["readings"][0]["answer"]["status"] == "succeeded"
    assert [json.loads(fault)["kind"]["name"] for fault in faults] == ["worker_stop", "store_kill", "store_kill"]
    assert (tmp_path / "kept" / "rowcall" / "api.log").read_text() == "a line"


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        pytest.param([], 0, id="every promise kept"),
        pytest.param(["VOID: the control lost nothing"], 3, id="only void"),
        pytest.param(["1 jobs lost, such as prd_1"], 1, id="a promise broken"),
        pytest.param(["1 jobs lost, such as prd_1", "VOID: the control lost nothing"], 1, id="both"),
    ],
)
def test_the_exit_status_tells_a_broken_promise_from_a_run_that_proves_nothing(
    failures: list[str], status: int
) -> None:
    assert exit_status(failures) == status
