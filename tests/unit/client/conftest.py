"""A scripted server, and builders of the documents it answers with."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.client.scripted_server import ScriptedServer, running_server

Document = dict[str, Any]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """A server that the command line finds through its environment."""
    with running_server() as scripted:
        monkeypatch.setenv("ROWCALL_URL", scripted.url)
        yield scripted


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
