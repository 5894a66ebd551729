"""What the model says without any service: the truth that answers are compared with."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import joblib

FEATURES = ("height", "weight", "shoe_size")


@cache
def _estimator() -> Any:
    root = Path(__file__).resolve().parent.parent.parent
    return joblib.load(root / "models" / "gender" / "1" / "model.joblib")


def people(count: int) -> list[dict[str, float]]:
    """Different people, all within the typical ranges."""
    return [
        {"height": 150.0 + i % 45, "weight": 45.0 + i * 7 % 80, "shoe_size": 35.0 + i * 3 % 26 / 2}
        for i in range(count)
    ]


def direct_outputs(records: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Predict all records in one call, and write them as the service does."""
    # One more row than asked for: a single one takes another path in the linear algebra of some processors,
    # which differs in the last bit; more rows never change each other.
    rows = [[record[name] for name in FEATURES] for record in [*records, records[0]]]
    classes = list(_estimator().classes_)
    return [
        {"prediction": classes[values.argmax()], "probabilities": dict(zip(classes, values.tolist(), strict=True))}
        for values in _estimator().predict_proba(rows)[:-1]
    ]
