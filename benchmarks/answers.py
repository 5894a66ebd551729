"""One record in, class and probabilities out, as our own service answers it.

Peers import this in environments of their own, so it needs nothing but scikit-learn's own requirements.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import joblib

#: Variable with the path of the model's artifact; servers import their applications by name and can pass nothing else.
ARTIFACT_VARIABLE = "BENCHMARK_ARTIFACT"
FEATURES = ("height", "weight", "shoe_size")


def load_estimator() -> Any:
    """Return the model that the environment names."""
    return joblib.load(os.environ[ARTIFACT_VARIABLE])


def predict_records(estimator: Any, records: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Return class and probabilities of each record, by one call of the model."""
    classes = estimator.classes_.tolist()
    probabilities = estimator.predict_proba([[record[name] for name in FEATURES] for record in records])
    return [
        {"prediction": classes[values.argmax()], "probabilities": dict(zip(classes, values.tolist(), strict=True))}
        for values in probabilities
    ]


def predict_record(estimator: Any, record: Mapping[str, float]) -> dict[str, Any]:
    """Return class and probabilities of one record."""
    return predict_records(estimator, [record])[0]
