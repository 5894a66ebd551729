"""The default model: a scaled logistic regression whose probabilities are calibrated and whose numbers are rounded.

The artifact that comes of it holds classes of scikit-learn and numpy only, so a worker needs none of this code.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from training.dataset import Floats, Labels, draw_people
from training.evaluate import calibration_line

DEFAULT_SEED = 1
TRAINING_ROWS = 200_000
CALIBRATION_ROWS = 200_000
#: Processors differ from about the fifteenth digit on, so at this many digits they agree.
SIGNIFICANT_DIGITS = 6


def train(seed: int = DEFAULT_SEED) -> Pipeline:
    """Return the default model, fitted on one draw of people and calibrated on another.

    It takes an array of shape (rows, 3): height (cm), weight (kg), shoe size (EU). Columns of `predict_proba`
    are female, male. The same seed gives the same model to the last bit, whichever processor trains it.
    """
    # Children of a seed are unlike every plain seed, so no training row can be met again in an evaluation.
    training, calibration = np.random.SeedSequence(seed).spawn(2)
    pipeline = fit(*draw_people(TRAINING_ROWS, training))
    calibrate(pipeline, *draw_people(CALIBRATION_ROWS, calibration))
    round_learned_numbers(pipeline)
    return pipeline


def fit(people: Floats, labels: Labels) -> Pipeline:
    """Fit scaler and classifier to measurements of shape (rows, 3) and labels of shape (rows,)."""
    classifier = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    return Pipeline([("scale", StandardScaler()), ("classify", classifier)]).fit(people, labels)


def calibrate(pipeline: Pipeline, people: Floats, labels: Labels) -> None:
    """Correct the log-odds, in place, with the line that fits people the model was not trained on.

    Platt scaling: J. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods", Advances in Large Margin Classifiers, 1999. The log-odds of a logistic regression are
    linear themselves, so the line is folded into the coefficients and costs nothing when predicting.
    """
    classifier = pipeline["classify"]
    slope, intercept = calibration_line(pipeline.decision_function(people), labels == classifier.classes_[1])
    classifier.coef_ = slope * classifier.coef_
    classifier.intercept_ = slope * classifier.intercept_ + intercept


def round_learned_numbers(pipeline: Pipeline) -> None:
    """Round every learned number, in place, so that the bytes of the artifact do not depend on the processor."""
    scaler, classifier = pipeline["scale"], pipeline["classify"]
    for estimator, names in ((scaler, ("mean_", "scale_", "var_")), (classifier, ("coef_", "intercept_"))):
        for name in names:
            setattr(estimator, name, _rounded(getattr(estimator, name)))


def _rounded(values: Floats) -> Floats:
    digits = [float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in values.ravel()]
    return np.array(digits).reshape(values.shape)
