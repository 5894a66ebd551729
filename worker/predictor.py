"""Predictor: one loaded model version."""

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from shared.errors import ArtifactUnusable
from shared.feature_schema import FeatureSchema
from shared.jobs import Prediction, Row
from shared.manifest import ModelManifest
from worker.artifacts import load_artifact


class OutputInvalid(Exception):
    """Raised when the model answers something that is no prediction, such as NaN."""


class Predictor:
    """Predicts rows with one model version. Not thread-safe: each worker process has one thread that predicts."""

    def __init__(self, manifest: ModelManifest, estimator: Any) -> None:
        self.manifest = manifest
        self._estimator = estimator
        self._is_numeric = all(feature.is_numeric for feature in manifest.features)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load `models/<name>/<version>` and predict once, so that the first job finds it warm.

        Raises the errors of `load_artifact`, and ArtifactUnusable when the warm-up does not give a prediction.
        """
        manifest, estimator = load_artifact(folder)
        FeatureSchema(manifest).require_example()
        # One process per core beats nested thread pools, and cannot deadlock.
        threadpool_limits(1)
        _set_single_job(estimator)
        predictor = cls(manifest, estimator)
        predictor._warm_up()
        return predictor

    def _warm_up(self) -> None:
        row = [self.manifest.example[feature.name] for feature in self.manifest.features]
        try:
            self.predict([row, row])
        except Exception as error:
            # The model's own code runs here, so anything may come out of it.
            detail = f"{self.manifest.key} cannot predict the example of its manifest: {type(error).__name__}: {error}"
            raise ArtifactUnusable(detail) from error

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """Predict every row in one call of the model.

        rows: 1 or more, each with one value per feature, in the order of the manifest.
        Returns one prediction per row, in the same order; probabilities sum to 1. Raises OutputInvalid, and
        whatever the model raises. No input or output.
        """
        if len(rows) == 1:
            # Linear algebra takes another path for a single row, which differs in the last bit on some
            # processors. An answer must not depend on which rows came with it.
            return self.predict([rows[0], rows[0]])[:1]
        frame = np.array(rows, dtype=np.float64) if self._is_numeric else self._table(list(zip(*rows, strict=True)))
        answer = self._ask(frame)
        if self.manifest.classes is not None:
            return _class_predictions(answer, self.manifest.classes, len(rows))
        return _number_predictions(answer, len(rows))

    def predict_matrix(self, columns: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Predict every row of a table in one call of the model.

        columns: one array per feature, in the order of the manifest and of one length of 1 or more.
        Returns one line per row: a probability per class, or the one number of a regression; it may hold NaN.
        Raises OutputInvalid when the shape is another, and whatever the model raises. No input or output.
        """
        rows = len(columns[0])
        if rows == 1:
            # For the reason that `predict` has.
            return self.predict_matrix([np.repeat(column, 2) for column in columns])[:1]
        answer = np.asarray(
            self._ask(np.column_stack(columns) if self._is_numeric else self._table(columns)), np.float64
        )
        expected = (rows,) if self.manifest.classes is None else (rows, len(self.manifest.classes))
        if answer.shape != expected:
            raise OutputInvalid(f"the model answered {rows} rows with the shape {answer.shape}")
        return answer.reshape(rows, -1)

    def _ask(self, frame: Any) -> Any:
        with warnings.catch_warnings():
            # Columns are in the order of the manifest; an array has no names to show for it.
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            return (self._estimator.predict if self.manifest.classes is None else self._estimator.predict_proba)(frame)

    def _table(self, columns: Sequence[Any]) -> Any:
        """Mixed types go as the table with named columns that such models are trained on."""
        import pandas as pd  # noqa: PLC0415 - a second of start-up that models of numbers alone do not need

        types = [np.float64 if feature.is_numeric else object for feature in self.manifest.features]
        names = [feature.name for feature in self.manifest.features]
        return pd.DataFrame(
            {name: pd.Series(column, dtype=kind) for name, kind, column in zip(names, types, columns, strict=True)}
        )


def _set_single_job(part: Any) -> None:
    """Set `n_jobs` to 1 in an estimator and in every fitted estimator inside it."""
    if isinstance(part, BaseEstimator):
        if hasattr(part, "n_jobs"):
            part.n_jobs = 1
        _set_single_job(list(vars(part).values()))
    elif isinstance(part, dict):
        _set_single_job(list(part.values()))
    elif isinstance(part, (list, tuple)) or (isinstance(part, np.ndarray) and part.dtype == object):
        for item in part:
            _set_single_job(item)


def _class_predictions(probabilities: Any, classes: tuple[str, ...], rows: int) -> list[Prediction]:
    table = np.asarray(probabilities, dtype=np.float64)
    if table.shape != (rows, len(classes)) or not np.isfinite(table).all():
        raise OutputInvalid("the model did not give one finite probability per class")
    # The most probable class; asking the model again with `predict` would double the cost.
    best = table.argmax(axis=1).tolist()
    return [
        {"prediction": classes[index], "probabilities": dict(zip(classes, values, strict=True))}
        for index, values in zip(best, table.tolist(), strict=True)
    ]


def _number_predictions(values: Any, rows: int) -> list[Prediction]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (rows,) or not all(map(math.isfinite, numbers)):
        raise OutputInvalid("the model did not give one finite number per row")
    return [{"prediction": number} for number in numbers.tolist()]
