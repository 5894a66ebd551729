"""Is a result file right: as many rows as the input, and a sample of them as the model says without any service."""

import csv
import math
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.people_file import COLUMNS, FEATURE_COLUMNS
from benchmarks.warm_process import MeasurementFailed
from training.features import FEATURES

_SAMPLE_ROWS = 1_000
_SAMPLE_SEED = 5
#: Linear algebra may differ in the last bits between blocks of different sizes.
_TOLERANCE = 1e-12


def read_lines(path: Path, wanted: Set[int]) -> tuple[int, dict[int, bytes]]:
    """Return the number of rows of a file whose records are lines, and the wanted rows; rows count from 1."""
    found: dict[int, bytes] = {}
    number = -1
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number in wanted:
                found[number] = line.rstrip(b"\n")
    return number, found


def parse_cells(line: bytes) -> list[str]:
    """Return the cells of one record."""
    return next(csv.reader([line.decode()]))


def find_features(cells: list[str]) -> list[float] | None:
    """Return the features of a row of the people file, or None when no model can predict it."""
    if len(cells) != len(COLUMNS):
        return None
    try:
        values = [float(cells[COLUMNS.index(name)]) for name in FEATURE_COLUMNS]
    except ValueError:
        return None
    limits = [(feature.minimum or -math.inf, feature.maximum or math.inf) for feature in FEATURES]
    return values if all(low <= value <= high for value, (low, high) in zip(values, limits, strict=True)) else None


class OutputCheck:
    """Knows the sampled rows of one input file and what the model says about them."""

    def __init__(self, source: Path, rows: int, estimator: Any) -> None:
        generator = np.random.default_rng(_SAMPLE_SEED)
        numbers = {1, rows, *generator.integers(1, rows + 1, _SAMPLE_ROWS).tolist()}
        self._rows, self._lines = read_lines(source, numbers)
        features = {number: find_features(parse_cells(line)) for number, line in self._lines.items()}
        good = {number: values for number, values in features.items() if values is not None}
        answers = estimator.predict_proba(np.array([*good.values()])) if good else np.empty((0, 0))
        self._answers = dict(zip(good, answers, strict=True))
        self._classes = [str(label) for label in estimator.classes_]

    def require_right(self, result: Path, *, is_verbatim: bool) -> None:
        """Raise MeasurementFailed unless the result has every row, and the right answer for each sampled one.

        is_verbatim: the rows must come back byte by byte; otherwise only their ids are compared.
        """
        rows, lines = read_lines(result, self._lines.keys())
        if rows != self._rows:
            raise MeasurementFailed(f"{rows} rows came back of {self._rows}")
        for number, line in lines.items():
            problem = self._find_problem(number, line, is_verbatim=is_verbatim)
            if problem:
                raise MeasurementFailed(f"row {number}: {problem}: {line.decode(errors='replace')}")

    def _find_problem(self, number: int, line: bytes, *, is_verbatim: bool) -> str | None:
        source, cells = self._lines[number], parse_cells(line)
        if is_verbatim and not line.startswith(source + b","):
            return "its own bytes did not come back"
        if cells[0] != parse_cells(source)[0]:
            return "another row stands here"
        expected = self._answers.get(number)
        width = len(self._classes)
        prediction, probabilities, status = cells[-4 - width], cells[-3 - width : -3], cells[-3]
        if expected is None:
            return None if status == "error" else "it cannot be predicted, and has no error"
        if status != "ok" or prediction != self._classes[int(expected.argmax())]:
            return "the prediction is another"
        is_close = np.allclose(np.array(probabilities, np.float64), expected, rtol=0, atol=_TOLERANCE)
        return None if is_close else "the probabilities are others"
