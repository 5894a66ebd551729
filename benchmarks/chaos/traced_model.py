"""A model that writes down which rows it is asked about, takes its time, and obeys the fate of a row.

Whoever loads the artifact imports this module, so it needs nothing but scikit-learn.
"""

import os
import signal
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from benchmarks.chaos.fates import Fate

#: Columns of the wrapped model; behind them the ticket of a row and its fate.
MODEL_COLUMNS = 3
_TICKET, _FATE = 3, 4
#: No job has it: warming up is no execution.
NO_TICKET = 0


class TracedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types.
    """Answers as the model inside it does, in `call_seconds` more, and notes the tickets in a file of each process."""

    def __init__(self, model: Any, trace_dir: str, call_seconds: float) -> None:
        self.model = model
        self.trace_dir = trace_dir
        self.call_seconds = call_seconds

    def fit(self, rows: Any, _labels: Any) -> Self:
        """Take over what the model inside has learned."""
        self.classes_ = self.model.classes_
        self.n_features_in_ = np.asarray(rows).shape[1]
        return self

    def predict(self, rows: Any) -> Any:
        return self.classes_[self.predict_proba(rows).argmax(axis=1)]

    def predict_proba(self, rows: Any) -> Any:
        rows = np.asarray(rows, np.float64)
        fates = rows[:, _FATE]
        if (fates == Fate.RAISES).any():
            raise ValueError("an unlucky row")
        is_nan = fates == Fate.ANSWERS_NAN
        # An answer with NaN in it is refused as a whole, and the other rows are asked again.
        if not is_nan.any():
            self._note(rows[:, _TICKET])
        _meet(fates)
        time.sleep(self.call_seconds)
        probabilities = self.model.predict_proba(np.ascontiguousarray(rows[:, :MODEL_COLUMNS]))
        probabilities[is_nan] = np.nan
        return probabilities

    def _note(self, tickets: NDArray[np.float64]) -> None:
        # A lone row is predicted twice in one call, which is one execution.
        noted = np.unique(tickets[tickets != NO_TICKET])
        if len(noted):
            os.write(_open_trace(self.trace_dir, os.getpid()), noted.tobytes())


def _meet(fates: NDArray[np.float64]) -> None:
    if (fates == Fate.EXITS).any():
        os._exit(9)
    if (fates == Fate.CRASHES).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    if (fates == Fate.HANGS).any():
        time.sleep(3600)


@cache
def _open_trace(trace_dir: str, pid: int) -> int:
    # What is written reaches the system at once, so that a killed process leaves it behind.
    return os.open(Path(trace_dir) / f"{pid}.trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def count_executions(trace_dir: Path) -> Counter[int]:
    """Return how often the model was asked about each ticket, over all processes."""
    counts: Counter[int] = Counter()
    for path in trace_dir.glob("*.trace"):
        document = path.read_bytes()
        whole = len(document) // 8 * 8
        counts.update(np.frombuffer(document[:whole]).astype(np.int64).tolist())
    return counts
