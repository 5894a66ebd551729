"""Small valid things, each with keyword overrides."""

from typing import Any

from shared.batches import BatchSpec, Chunk, CsvDialect, CsvLayout, Mend, Part
from shared.job_errors import JobErrorCode
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


def csv_layout(**overrides: Any) -> CsvLayout:
    """The layout of a file that begins with `height,shoe_size` and a line feed."""
    fields: dict[str, Any] = {
        "dialect": CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=17),
        "header": ("height", "shoe_size"),
        "feature_columns": (0, 1),
    }
    return CsvLayout(**fields | overrides)


def batch_spec(batch_id: str = "bat_a", **overrides: Any) -> BatchSpec:
    fields: dict[str, Any] = {
        "id": batch_id,
        "model": ModelRef("gender", "1", "0" * 64),
        "features": ("height", "shoe_size"),
        "classes": ("female", "male"),
        "layout": csv_layout(),
        "input_bytes": 1_000,
    }
    return BatchSpec(**fields | overrides)


def chunk(index: int = 0, *, rows: int = 10) -> Chunk:
    """One of several chunks of equal size, one byte for a row."""
    return Chunk(index, start=index * rows, stop=(index + 1) * rows, first_row=index * rows + 1, rows=rows)


def part(token: str = "t1", **overrides: Any) -> Part:
    """A part of ten rows, all with a prediction."""
    fields: dict[str, Any] = {"token": token, "rows": 10, "failed": 0, "result_bytes": 100, "error_bytes": 0}
    return Part(**fields | overrides)


def mend(token: str = "m1") -> Mend:
    """A file of mended rows for `csv_layout`, with its columns where the errors have them."""
    dialect = CsvDialect(delimiter=",", encoding="utf-8", newline="\n", header_start=0, data_start=28)
    return Mend(token, dialect, own_columns=(0, 1), row_number_column=2, columns=3)
