"""Estimators that misbehave on request; a worker imports them from here when it loads their artifact."""

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

#: Values of the one feature, and what the model does when it sees them.
KILLS_THE_PROCESS = 666.0
RAISES = 13.0
ANSWERS_NAN = 7.0
#: It works for about three seconds in native code, where no signal handler of Python runs.
WORKS_IN_NATIVE_CODE = 77.0
#: From here on it sleeps for value - SLEEPS_FROM seconds.
SLEEPS_FROM = 1000.0


def _work_in_native_code(*, seconds: float) -> None:
    """Stay in one call of a C library, which lets other threads run, for at least so long."""
    iterations = 20_000
    began = time.perf_counter()
    hashlib.pbkdf2_hmac("sha256", b"", b"", iterations)
    hashlib.pbkdf2_hmac("sha256", b"", b"", int(iterations * seconds / (time.perf_counter() - began)))


class MoodyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types.
    """Says `calm` with probability 0.75, unless a row asks for something else."""

    def fit(self, rows: Any, labels: Any) -> Self:
        self.classes_ = np.unique(labels)
        self.n_features_in_ = np.asarray(rows).shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        moods = np.asarray(rows)[:, 0].astype(np.float64)
        if (moods == KILLS_THE_PROCESS).any():
            os._exit(9)
        if (moods == RAISES).any():
            raise ValueError("an unlucky row")
        if (moods == WORKS_IN_NATIVE_CODE).any():
            _work_in_native_code(seconds=3.0)
        time.sleep(max(float(moods.max()) - SLEEPS_FROM, 0.0))
        probabilities = np.full((len(moods), 2), (0.75, 0.25))
        probabilities[moods == ANSWERS_NAN] = np.nan
        return probabilities


class FragileClassifier(MoodyClassifier):
    """Bears every row but those that kill, and these too once a file is gone: the cause was mended."""

    def __init__(self, path: str = "") -> None:
        self.path = path

    def predict_proba(self, rows: Any) -> Any:
        numbers = np.asarray(rows)[:, 0]
        if (numbers == KILLS_THE_PROCESS).any() and Path(self.path).exists():
            os._exit(9)
        return np.full((len(numbers), 2), (0.75, 0.25))


class CountingClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types.
    """Writes the first value of every row that it has predicted into a file, one line for each, after a short sleep."""

    def __init__(self, path: str = "", seconds: float = 0.0) -> None:
        self.path = path
        self.seconds = seconds

    def fit(self, rows: Any, labels: Any) -> Self:
        self.classes_ = np.unique(labels)
        self.n_features_in_ = np.asarray(rows).shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        numbers = np.asarray(rows)[:, 0]
        time.sleep(self.seconds)
        # A row that comes alone is predicted twice in one call, and counts once.
        with Path(self.path).open("a") as file:
            file.write("".join(f"{number:.0f}\n" for number in np.unique(numbers)))
        return np.full((len(numbers), 2), (0.75, 0.25))
