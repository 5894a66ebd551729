"""How good a model is on people it has never seen, and the bars it has to clear before it is published."""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, recall_score, roc_auc_score
from sklearn.pipeline import Pipeline

from training.dataset import Floats, Labels, draw_people

EVALUATION_ROWS = 20_000
#: The same people for every candidate, so that two models differ by their worth and not by the luck of the draw.
EVALUATION_SEED = 2012

#: Least and greatest value allowed, both included.
BARS = {
    "roc_auc": (0.93, 1.0),
    "balanced_accuracy": (0.85, 1.0),
    "calibration_slope": (0.95, 1.05),
}


def evaluate(pipeline: Pipeline, rows: int = EVALUATION_ROWS, seed: int = EVALUATION_SEED) -> dict[str, float]:
    """Measure the model on `rows` freshly drawn people, half of them women.

    Returns roc_auc, balanced_accuracy, brier, calibration_slope, calibration_intercept and a recall per class,
    each to four decimals: more would be noise, and would differ between processors.
    """
    people, labels = draw_people(rows, seed)
    return measure(labels, pipeline.decision_function(people), pipeline.classes_)


def measure(labels: Labels, log_odds: Floats, classes: Labels) -> dict[str, float]:
    """Compare log-odds of the second class, shape (rows,), with the true labels, shape (rows,).

    Brier is the mean squared error of the probability of the second class: 0 is perfect, 0.25 is a coin.
    """
    is_second = labels == classes[1]
    predicted = classes[(log_odds > 0).astype(int)]
    slope, intercept = calibration_line(log_odds, is_second)
    recalls = recall_score(labels, predicted, labels=classes, average=None)
    metrics = {
        "roc_auc": roc_auc_score(is_second, log_odds),
        "balanced_accuracy": balanced_accuracy_score(labels, predicted),
        "brier": brier_score_loss(is_second, 1 / (1 + np.exp(-log_odds))),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
    } | {f"recall_{label}": recall for label, recall in zip(classes, recalls, strict=True)}
    return {name: round(float(value), 4) for name, value in metrics.items()}


def calibration_line(log_odds: Floats, is_second: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression, without penalty, of the outcome on the log-odds.

    Slope 1 and intercept 0 mean that probabilities can be taken at their word; a slope below 1 means too sure.
    """
    # Newton's method reaches the optimum to the last digits that are kept, whichever BLAS does the sums.
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(log_odds.reshape(-1, 1), is_second)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def find_missed_bars(metrics: dict[str, float]) -> list[str]:
    """Return the names of the metrics outside their bars; none if the model may be published."""
    return [name for name, (lowest, highest) in BARS.items() if not lowest <= metrics[name] <= highest]
