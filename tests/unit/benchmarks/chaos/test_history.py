"""The log of what clients saw."""

import json

import pytest

from benchmarks.chaos.clients import read_answer
from benchmarks.chaos.history import Attempt, History, JobHistory
from benchmarks.chaos.web_client import WebAnswer

DOCUMENT = {
    "status": "failed",
    "output": None,
    "error": {"code": "worker_died", "detail": "It died.", "errors": []},
    "created_at": "2026-01-01T00:00:00.250000Z",
    "completed_at": "2026-01-01T00:00:01.500000Z",
}


def answer(status: int, document: object) -> WebAnswer:
    return WebAnswer(status, {}, json.dumps(document).encode())


def test_an_answer_keeps_what_may_never_change() -> None:
    reading = read_answer(answer(200, DOCUMENT), now=lambda: 5.0)

    assert reading is not None
    assert reading.at == 5.0
    assert reading.answer is not None
    assert (reading.answer.status, reading.answer.error_code) == ("failed", "worker_died")
    assert reading.answer.completed_at == reading.answer.created_at + 1.25


@pytest.mark.parametrize("status", [404, 410])
def test_a_job_that_the_service_does_not_know_is_noted(status: int) -> None:
    reading = read_answer(answer(status, {}), now=lambda: 5.0)

    assert reading is not None
    assert reading.answer is None


def test_an_error_of_the_service_says_nothing_about_a_job() -> None:
    assert read_answer(answer(503, {})) is None


def test_errors_are_counted_by_kind() -> None:
    history = History()
    history.note_attempt(Attempt(1, 0.0, 1.0, "accepted"), JobHistory(1, "prd_1", 1.0))
    history.note_attempt(Attempt(2, 0.0, 1.0, "rejected", "503"))
    history.note_attempt(Attempt(3, 0.0, 1.0, "rejected", "503"))
    history.note_attempt(Attempt(4, 0.0, 1.0, "unknown", "timeout"))
    history.note_read_error("503")

    assert history.count_accepted() == 1
    assert history.client_errors() == {"read: 503": 1, "submit rejected: 503": 2, "submit unknown: timeout": 1}
