"""Publish the slow model, and measure what it can do at most."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.slow_classifier import CALL_SECONDS, SlowClassifier
from training.features import FEATURES
from training.publish import ARTIFACT_FILE, publish_model

NAME = "slow"
#: Rows in one call when the model's own limit is measured.
LIMIT_ROWS = 64
_VERSION = "1"
_ROW = [float(feature.example) for feature in FEATURES if feature.example is not None]


def publish_slow_model(models_dir: Path, *, call_seconds: float = CALL_SECONDS) -> Path:
    """Put the model into the folder, and return the path of its artifact."""
    estimator = SlowClassifier(call_seconds).fit([_ROW, _ROW], ["female", "male"])
    publish_model(estimator, name=NAME, version=_VERSION, features=FEATURES, models_dir=models_dir)
    return models_dir / NAME / _VERSION / ARTIFACT_FILE


def measure_limit(estimator: Any, seconds: float) -> float:
    """Return the rows per second of one process that does nothing but call the model with 64 rows."""
    rows = np.array([_ROW] * LIMIT_ROWS)
    calls = 0
    started = time.perf_counter()
    while (elapsed := time.perf_counter() - started) < seconds:
        estimator.predict_proba(rows)
        calls += 1
    return calls * LIMIT_ROWS / elapsed
