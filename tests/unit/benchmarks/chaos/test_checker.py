"""The verdict on what clients saw."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.chaos.checker import find_faults, judge
from benchmarks.chaos.fates import Fate
from benchmarks.chaos.history import Answer, JobHistory, Reading

RIGHT = Answer("succeeded", output={"prediction": "male", "probabilities": {"male": 0.75}}, completed_at=101.0)
QUEUED = Answer("queued")
DIED = Answer("failed", error_code="worker_died", completed_at=130.0)


def truth(_ticket: int) -> object:
    return RIGHT.output


def job(*readings: tuple[float, Answer | None], fate: Fate = Fate.NONE, ticket: int = 7) -> JobHistory:
    return JobHistory(ticket, f"prd_{ticket}", 100.0, fate, [Reading(at, answer) for at, answer in readings])


A_BIT_OFF = replace(RIGHT, output={"prediction": "male", "probabilities": {"male": 0.7500000000000001}})


@pytest.mark.parametrize(
    ("readings", "faults"),
    [
        ([(101, QUEUED), (102, RIGHT), (108, RIGHT)], []),
        ([(102, RIGHT), (108, None)], ["lost"]),
        ([(102, None)], ["lost"]),
        ([], ["stuck"]),
        ([(101, QUEUED), (160, QUEUED)], ["stuck"]),
        ([(102, RIGHT)], ["stuck"]),
        ([(102, RIGHT), (104, RIGHT)], ["stuck"]),
        ([(102, A_BIT_OFF), (108, A_BIT_OFF)], ["wrong"]),
        ([(102, DIED), (108, DIED)], ["wrong"]),
        ([(102, RIGHT), (108, A_BIT_OFF)], ["changed"]),
        ([(102, RIGHT), (108, QUEUED)], ["changed"]),
        ([(102, RIGHT), (108, replace(RIGHT, completed_at=107.0))], ["changed"]),
        ([(102, RIGHT), (108, RIGHT), (190, A_BIT_OFF)], ["changed"]),
        ([(101, None), (102, RIGHT), (108, RIGHT)], ["changed"]),
        ([(102, A_BIT_OFF), (108, RIGHT)], ["wrong", "changed"]),
    ],
    ids=[
        "an answer that stays",
        "an answer that is gone",
        "a job that nobody knows",
        "a job that was never read",
        "a job that never ends",
        "an answer that was read once",
        "an answer that was read again too soon",
        "an answer that differs in the last bit",
        "a failure where the model has an answer",
        "another answer later",
        "no longer final",
        "the same answer, given again",
        "another answer long after",
        "a job that was unknown for a while",
        "a wrong answer that was put right",
    ],
)
def test_every_way_to_break_the_promise_is_found(
    readings: Sequence[tuple[float, Answer | None]], faults: list[str]
) -> None:
    assert find_faults(job(*readings), truth) == faults


@pytest.mark.parametrize(
    ("fate", "answer", "faults"),
    [
        (Fate.EXITS, DIED, []),
        (Fate.RAISES, replace(DIED, error_code="prediction_failed"), []),
        (Fate.HANGS, RIGHT, ["wrong"]),
        (Fate.ANSWERS_NAN, DIED, ["wrong"]),
    ],
    ids=["its worker died", "the model raised", "a prediction from nowhere", "another error"],
)
def test_a_row_with_a_fate_must_end_with_its_own_error(fate: Fate, answer: Answer, faults: list[str]) -> None:
    assert find_faults(job((131, answer), (140, answer), fate=fate), truth) == faults


def test_a_job_whose_record_was_deleted_may_be_unknown_until_it_is_final() -> None:
    restored = job((101, None), (102, RIGHT), (108, RIGHT))
    forgotten = job((101, RIGHT), (102, None), (108, RIGHT))
    restored.is_record_deleted = forgotten.is_record_deleted = True

    assert find_faults(restored, truth) == []
    assert find_faults(forgotten, truth) == ["changed"]


def test_the_verdict_names_the_jobs() -> None:
    jobs = [
        job((102, RIGHT), (108, RIGHT), ticket=1),
        job((102, None), ticket=2),
        job((102, A_BIT_OFF), (108, A_BIT_OFF), ticket=3),
        job((102, RIGHT), (108, A_BIT_OFF), ticket=4),
        job((102, QUEUED), ticket=5),
    ]

    verdict = judge(jobs, truth, {})

    assert verdict.accepted == 5
    assert (verdict.lost, verdict.wrong) == (("prd_2",), ("prd_3",))
    assert (verdict.changed, verdict.stuck) == (("prd_4",), ("prd_5",))
    assert not verdict.is_clean


def test_work_that_was_done_twice_breaks_no_promise_but_is_counted() -> None:
    jobs = [job((102, RIGHT), (108, RIGHT), ticket=ticket) for ticket in (1, 2, 3)]

    verdict = judge(jobs, truth, {1: 1, 2: 2, 3: 5})

    assert verdict.executed_twice == 2
    assert verdict.is_clean


def test_a_row_that_kills_its_worker_is_tried_again_on_purpose() -> None:
    poison = job((131, DIED), (140, DIED), fate=Fate.CRASHES, ticket=1)

    verdict = judge([poison], truth, {1: 3})

    assert (verdict.executed_twice, verdict.ends) == (0, {"worker_died": 1})
