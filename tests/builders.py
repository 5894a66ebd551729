"""Small valid things, each with keyword overrides."""

from typing import Any

from shared.errors import JobErrorCode
from shared.jobs import JobError, JobSpec, JobStatus, ModelRef, Outcome, Row
from shared.manifest import Artifact, Feature, Libraries, ModelManifest
from shared.queues import Lane

HEIGHT = Feature.model_validate(
    {
        "name": "height",
        "unit": "cm",
        "minimum": 100,
        "maximum": 250,
        "typical_minimum": 145,
        "typical_maximum": 200,
        "example": 181,
        "lookalikes": [
            {"unit": "metres", "minimum": 1, "maximum": 2.5, "multiply_by": 100, "advice": "send centimetres"}
        ],
    }
)
SHOE_SIZE = Feature.model_validate(
    {
        "name": "shoe_size",
        "unit": "EU",
        "minimum": 30,
        "maximum": 55,
        "example": 44,
        "lookalikes": [{"unit": "a US size", "minimum": 3, "maximum": 16, "advice": "send the EU size"}],
    }
)


def manifest(**overrides: Any) -> ModelManifest:
    """A model of two numeric features and two classes."""
    fields: dict[str, Any] = {
        "manifest_version": 1,
        "name": "gender",
        "version": "1",
        "artifact": Artifact(file="model.joblib", sha256="0" * 64, bytes=1),
        "libraries": Libraries(python="3.11.7", scikit_learn="1.9.1", numpy="2.4.6"),
        "features": (HEIGHT, SHOE_SIZE),
        "classes": ("female", "male"),
    }
    return ModelManifest(**fields | overrides)


def record(**overrides: Any) -> dict[str, Any]:
    return {"height": 181, "shoe_size": 44} | overrides


def job_spec(job_id: str = "prd_a", **overrides: Any) -> JobSpec:
    fields: dict[str, Any] = {
        "id": job_id,
        "lane": Lane.INTERACTIVE,
        "model": ModelRef("gender", "1", "0" * 64),
        "rows": [[181.0, 44.0]],
        "is_single": True,
    }
    return JobSpec(**fields | overrides)


def success(*, rows: int = 1, label: str = "male") -> Outcome:
    predictions = [{"prediction": label, "probabilities": {"female": 0.25, "male": 0.75}} for _ in range(rows)]
    return Outcome(JobStatus.SUCCEEDED, predictions, None, batch_rows=rows, predict_seconds=0.001)


def failure(detail: str = "the model raised ValueError") -> Outcome:
    return Outcome(JobStatus.FAILED, error=JobError(JobErrorCode.PREDICTION_FAILED, detail))


def rows(*heights: float) -> list[Row]:
    return [[height, 44.0] for height in heights]
