"""The model that takes its time."""

import time
from pathlib import Path

import numpy as np

from benchmarks.slow_classifier import CALL_SECONDS, SlowClassifier
from benchmarks.slow_model import publish_slow_model
from worker.artifacts import load_artifact

ROWS = np.array([[181.0, 80.0, 44.0]] * 64)


def test_a_call_with_64_rows_takes_two_milliseconds_more() -> None:
    estimator = SlowClassifier().fit(ROWS[:2], ["female", "male"])
    started = time.perf_counter()

    estimator.predict_proba(ROWS)

    assert time.perf_counter() - started >= CALL_SECONDS + 0.002


def test_a_worker_can_load_it(tmp_path: Path) -> None:
    artifact = publish_slow_model(tmp_path)

    manifest, estimator = load_artifact(artifact.parent)

    assert manifest.classes == ("female", "male")
    assert estimator.predict(ROWS[:1]).tolist() == ["female"]
