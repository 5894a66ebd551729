"""Estimators that misbehave on request; a worker imports them from here when it loads their artifact."""

import os
import time
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

#: Values of the one feature, and what the model does when it sees them.
KILLS_THE_PROCESS = 666.0
RAISES = 13.0
ANSWERS_NAN = 7.0
#: From here on it sleeps for value - SLEEPS_FROM seconds.
SLEEPS_FROM = 1000.0


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
        time.sleep(max(float(moods.max()) - SLEEPS_FROM, 0.0))
        probabilities = np.full((len(moods), 2), (0.75, 0.25))
        probabilities[moods == ANSWERS_NAN] = np.nan
        return probabilities
