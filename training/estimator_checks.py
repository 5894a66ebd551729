"""What an estimator must be before it can be published: fitted, in accord with its features, loadable elsewhere."""

import io
from collections.abc import Sequence

from joblib.numpy_pickle import NumpyPickler
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from shared.errors import ArtifactUnusable, ManifestInvalid
from shared.manifest import Feature


def check_can_predict(estimator: BaseEstimator) -> None:
    """Raise ArtifactUnusable unless the estimator is fitted and has a `predict`."""
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ArtifactUnusable(f"{type(estimator).__name__} is not fitted: call fit before publishing it") from error
    except TypeError as error:
        raise ArtifactUnusable(f"{estimator!r} is not a scikit-learn estimator: {error}") from error
    if not hasattr(estimator, "predict"):
        raise ArtifactUnusable(f"{type(estimator).__name__} has no predict: publish the whole pipeline")


def check_features_fit(estimator: BaseEstimator, features: Sequence[Feature]) -> None:
    """Raise ManifestInvalid unless the features are those that the estimator was fitted to, in the same order.

    An estimator that remembers neither names nor number of its columns is taken at its publisher's word.
    """
    names = [feature.name for feature in features]
    fitted_names = list(getattr(estimator, "feature_names_in_", names))
    if fitted_names != names:
        raise ManifestInvalid(f"features are {names}, but the estimator was fitted to {fitted_names}")
    fitted_columns = getattr(estimator, "n_features_in_", len(names))
    if fitted_columns != len(names):
        raise ManifestInvalid(f"{len(names)} features, but the estimator was fitted to {fitted_columns} columns")


def resolve_classes(estimator: BaseEstimator, classes: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the labels in the order of the columns of `predict_proba`; None for a model that predicts a number.

    classes: names to show instead of the estimator's own labels, such as "churns" for 1.
    Raises ArtifactUnusable for a classifier without probabilities or with several outputs, and ManifestInvalid
    for classes that contradict the estimator.
    """
    if not hasattr(estimator, "predict_proba"):
        if is_classifier(estimator):
            raise ArtifactUnusable("a classifier needs predict_proba: wrap it in CalibratedClassifierCV")
        if classes is not None:
            raise ManifestInvalid("classes are given, but the estimator predicts a number")
        return None
    learned = getattr(estimator, "classes_", None)
    if isinstance(learned, list):
        raise ArtifactUnusable("the estimator predicts several outputs; a model version has one")
    if learned is None:
        raise ArtifactUnusable(f"{type(estimator).__name__} has probabilities but no classes_: it is no classifier")
    own = tuple(str(label) for label in learned)
    return own if classes is None else _renamed(own, tuple(classes))


def _renamed(own: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != len(own):
        raise ManifestInvalid(f"{len(names)} classes are given, but the estimator has {len(own)}: {own}")
    if names != own and set(names) & set(own):
        raise ManifestInvalid(f"classes {names} are not in the order of the estimator's own: {own}")
    return names


def _refers_to_itself(estimator: BaseEstimator) -> bool:
    """Say whether the estimator cannot be stored without a memo."""
    try:
        pickler = NumpyPickler(io.BytesIO(), protocol=5)
        pickler.fast = True
        pickler.dump(estimator)
    except (RecursionError, ValueError):
        return True
    return False


def encode_artifact(estimator: BaseEstimator) -> bytes:
    """Return the bytes of the artifact, the same for the same estimator: joblib, not compressed.

    Raises ArtifactUnusable if the estimator holds something that cannot be stored, or that only this script has.
    """
    buffer = io.BytesIO()
    try:
        # A fixed protocol: Python's default moves between releases, and the checksum would move with it.
        pickler = NumpyPickler(buffer, protocol=5)
        # Without a memo. What it would write depends on which equal strings happen to be one object in this process,
        # so on what else was imported.
        pickler.fast = not _refers_to_itself(estimator)
        pickler.dump(estimator)
    except Exception as error:  # whatever the estimator's own __reduce__ raises
        raise ArtifactUnusable(f"the estimator cannot be stored: {error}") from error
    document = buffer.getvalue()
    if b"__main__" in document:
        raise ArtifactUnusable("the estimator uses a class or function of a notebook or script, which no worker has")
    return document
