"""A model that takes 10 ms for a call and 2 ms more for every 64 rows, so that the model is the limit and not HTTP.

It waits instead of computing: what is asked is whether its queue keeps it busy with full calls, not how it shares a
core with web servers and load. In one process it does one call at a time, as a model that takes a whole core would.
Whoever loads the artifact imports this module, so it needs nothing but scikit-learn.
"""

import threading
import time
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

CALL_SECONDS = 0.010
ROW_SECONDS = 0.002 / 64
_one_call = threading.Lock()


class SlowClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types.
    """Says the first class with probability 0.75, late."""

    def __init__(self, call_seconds: float = CALL_SECONDS) -> None:
        self.call_seconds = call_seconds

    def fit(self, rows: Any, labels: Any) -> Self:
        self.classes_ = np.unique(labels)
        self.n_features_in_ = np.asarray(rows).shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        with _one_call:
            time.sleep(self.call_seconds + len(rows) * ROW_SECONDS)
        return np.full((len(rows), 2), (0.75, 0.25))
