"""A scripted server, and builders of the documents it answers with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rowcall_client import RowcallClient
from tests.unit.client.scripted_server import ScriptedServer, Time, running_server

Document = dict[str, Any]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that the command line finds through its environment."""
    with running_server() as scripted:
        monkeypatch.setenv("ROWCALL_URL", scripted.url)
        yield scripted


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def client(server: ScriptedServer, time: Time) -> Iterator[RowcallClient]:
    with RowcallClient(server.url, sleep=time.sleep, clock=lambda: time.now, chance=lambda: 1.0) as client:
        yield client


@pytest.fixture
def job() -> Callable[..., Document]:
    """Makes a job document: queued, unless members are given."""

    def make_job(**members: Any) -> Document:
        return {
            "id": "prd_1",
            "object": "prediction",
            "status": "queued",
            "model": {"name": "gender", "version": "1", "sha256": "ab12"},
            "queue": None,
            "attempt": 0,
            "created_at": "2026-03-01T12:00:00.000Z",
            "started_at": None,
            "completed_at": None,
            "expires_at": None,
            "output": None,
            "error": None,
            "warnings": [],
            "urls": {"get": "/v1/predictions/prd_1", "cancel": "/v1/predictions/prd_1/cancel"},
        } | members

    return make_job


@pytest.fixture
def succeeded_job(job: Callable[..., Document]) -> Callable[..., Document]:
    """Makes the document of a job that predicted one row."""

    def make_succeeded_job(**members: Any) -> Document:
        output = {"prediction": "male", "probabilities": {"female": 0.03, "male": 0.97}}
        times = {"started_at": "2026-03-01T12:00:00.250Z", "completed_at": "2026-03-01T12:00:00.750Z"}
        return job(status="succeeded", output=output, attempt=1, **times) | members

    return make_succeeded_job


@pytest.fixture
def batch() -> Callable[..., Document]:
    """Makes a batch document: running, with 4 of 10 rows done, unless members are given."""

    def make_batch(**members: Any) -> Document:
        steps = ("results", "errors", "events", "cancel", "retry")
        return {
            "id": "bat_1",
            "object": "batch",
            "status": "running",
            "outcome": None,
            "counts": {"total": 10, "succeeded": 3, "failed": 1, "pending": 6},
            "percent": 40.0,
            "eta_seconds": 21.0,
            "rows_per_second": 7600.0,
            "errors_by_code": {"not_a_number": 1},
            "model": {"name": "gender", "version": "1", "sha256": "ab12"},
            "columns": {"Height (cm)": "height"},
            "chunks": {"total": 5, "done": 2},
            "error": None,
            "created_at": "2026-03-01T12:00:00.000Z",
            "started_at": "2026-03-01T12:00:01.000Z",
            "completed_at": None,
            "expires_at": None,
            "urls": {"self": "/v1/batches/bat_1"} | {step: f"/v1/batches/bat_1/{step}" for step in steps},
        } | members

    return make_batch


@pytest.fixture
def completed_batch(batch: Callable[..., Document]) -> Callable[..., Document]:
    """Makes the document of a batch of ten rows without errors."""

    def make_completed_batch(**members: Any) -> Document:
        counts = {"total": 10, "succeeded": 10, "failed": 0, "pending": 0}
        final = {"status": "completed", "outcome": "all_succeeded", "completed_at": "2026-03-01T12:00:03.000Z"}
        rates: Document = {"percent": 100.0, "eta_seconds": None, "errors_by_code": {}}
        return batch(**final, **rates, counts=counts) | members

    return make_completed_batch


@pytest.fixture
def partial_batch(completed_batch: Callable[..., Document]) -> Callable[..., Document]:
    """Makes the document of a batch of ten rows, two of them with errors."""

    def make_partial_batch(**members: Any) -> Document:
        counts = {"total": 10, "succeeded": 8, "failed": 2, "pending": 0}
        errors = {"not_a_number": 1, "out_of_range": 1}
        return completed_batch(outcome="partial", counts=counts, errors_by_code=errors) | members

    return make_partial_batch


@pytest.fixture
def preview() -> Document:
    """The preview of a file with one bad row."""
    return {
        "object": "batch_preview",
        "model": {"name": "gender", "version": "1", "sha256": "ab12"},
        "columns": {"Height (cm)": "height", "weight": "weight"},
        "unused_columns": ["name"],
        "delimiter": ";",
        "encoding": "utf-8",
        "sampled_rows": 1000,
        "sample_errors": [
            {
                "row_number": 3,
                "error_code": "not_a_number",
                "error_column": "Height (cm)",
                "error_message": "'tall' is not a number",
            }
        ],
        "formula_cells": 2,
        "estimated_rows": 250_000,
        "estimated_seconds": 81.0,
    }


@pytest.fixture
def problem() -> Callable[..., Document]:
    """Makes a problem document."""

    def make_problem(status: int, code: str, **members: Any) -> Document:
        return {
            "type": "about:blank",
            "title": "Invalid input",
            "status": status,
            "detail": "The detail.",
            "code": code,
            "request_id": "req_7",
            "retryable": False,
            "errors": [],
            "error": "The detail.",
        } | members

    return make_problem


@pytest.fixture
def model_document() -> Document:
    """The model `gender` with three features."""

    def make_feature(name: str, unit: str, limits: tuple[float, float, float, float], example: float) -> Document:
        names = ("minimum", "maximum", "typical_minimum", "typical_maximum")
        about = {"type": "number", "unit": unit, "description": f"The {name}.", "categories": None}
        return {"name": name, **about, **dict(zip(names, limits, strict=True)), "example": example}

    return {
        "name": "gender",
        "version": "2",
        "versions": ["1", "2"],
        "sha256": "ab12",
        "description": "Guesses the gender from body measurements.",
        "features": [
            make_feature("height", "cm", (100, 250, 150.5, 200), 181),
            make_feature("weight", "kg", (30, 300, 45, 120), 80.0),
            make_feature("shoe_size", "EU", (20, 60, 35, 48), 44),
        ],
        "classes": ["female", "male"],
        "metrics": {"accuracy": 0.83, "folds": {"count": 5}},
    }
