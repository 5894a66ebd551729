import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from shared.errors import ArtifactUnusable, ManifestInvalid, ModelError, VersionTaken
from shared.manifest import Feature, ModelManifest
from training.publish import publish_model

X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0], [3.0, 4.0]])
FEATURES = (Feature(name="visits", type="integer", example=3), Feature(name="spend", unit="EUR", example=12.5))
STAYS_OR_CHURNS = np.array([0, 0, 1, 1])


Publish = Callable[..., ModelManifest]


def churn_model(regularisation: float = 1.0) -> LogisticRegression:
    return LogisticRegression(C=regularisation).fit(X, STAYS_OR_CHURNS)


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    def publish_churn(estimator: BaseEstimator, **changes: object) -> ModelManifest:
        wanted: dict[str, Any] = {
            "name": "churn",
            "version": "1",
            "features": FEATURES,
            "models_dir": tmp_path,
        } | changes
        return publish_model(estimator, **wanted)

    return publish_churn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "churn" / "1"


def test_a_published_model_can_be_read_back_and_predicts_the_same(publish: Publish, folder: Path) -> None:
    estimator = churn_model()

    manifest = publish(estimator)

    assert ModelManifest.read(folder) == manifest
    assert np.array_equal(joblib.load(folder / "model.joblib").predict_proba(X), estimator.predict_proba(X))


def test_the_manifest_names_size_and_checksum_of_the_artifact(publish: Publish, folder: Path) -> None:
    manifest = publish(churn_model())

    document = (folder / "model.joblib").read_bytes()

    assert manifest.artifact.sha256 == hashlib.sha256(document).hexdigest()
    assert manifest.artifact.bytes == len(document)


def test_the_manifest_keeps_what_the_publisher_says(publish: Publish) -> None:
    manifest = publish(churn_model(), description="Who leaves.", metrics={"roc_auc": 0.7}, training={"seed": 4})

    assert (manifest.description, manifest.metrics, manifest.training) == ("Who leaves.", {"roc_auc": 0.7}, {"seed": 4})


def test_nothing_but_the_version_is_left_in_the_models_folder(publish: Publish, tmp_path: Path) -> None:
    publish(churn_model())

    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))

    assert files == ["churn", "churn/1", "churn/1/manifest.json", "churn/1/model.joblib"]


def test_models_dir_may_be_a_string(publish: Publish, folder: Path, tmp_path: Path) -> None:
    publish(churn_model(), models_dir=str(tmp_path))

    assert (folder / "manifest.json").exists()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        pytest.param(STAYS_OR_CHURNS, ("0", "1"), id="numbers"),
        pytest.param(STAYS_OR_CHURNS == 1, ("False", "True"), id="booleans"),
        pytest.param(np.array(["stays", "stays", "churns", "churns"]), ("churns", "stays"), id="words"),
        pytest.param(np.array([2, 0, 1, 1]), ("0", "1", "2"), id="three classes"),
    ],
)
def test_classes_are_the_labels_of_the_estimator_in_its_order(
    publish: Publish, labels: NDArray[Any], classes: tuple[str, ...]
) -> None:
    manifest = publish(RandomForestClassifier(n_estimators=2, random_state=0).fit(X, labels))

    assert manifest.classes == classes


def test_classes_may_be_given_better_names(publish: Publish) -> None:
    manifest = publish(churn_model(), classes=["stays", "churns"])

    assert manifest.classes == ("stays", "churns")


def test_a_regressor_has_no_classes(publish: Publish) -> None:
    manifest = publish(LinearRegression().fit(X, X[:, 0]))

    assert manifest.classes is None


def test_publishing_the_same_again_changes_nothing(publish: Publish, folder: Path) -> None:
    publish(churn_model())
    before = (folder / "manifest.json").read_bytes(), (folder / "model.joblib").read_bytes()

    publish(churn_model())

    assert ((folder / "manifest.json").read_bytes(), (folder / "model.joblib").read_bytes()) == before


@pytest.mark.parametrize(
    ("estimator", "changes", "difference"),
    [
        pytest.param(churn_model(0.5), {}, "another artifact", id="other bytes"),
        pytest.param(churn_model(), {"metrics": {"roc_auc": 0.9}}, "another manifest", id="other manifest"),
    ],
)
def test_a_version_that_exists_is_not_changed(
    publish: Publish, folder: Path, estimator: BaseEstimator, changes: dict[str, object], difference: str
) -> None:
    published = publish(churn_model())

    with pytest.raises(VersionTaken, match=f"churn/1 is already published with {difference}"):
        publish(estimator, **changes)

    assert ModelManifest.read(folder) == published


def test_a_version_that_exists_is_changed_on_demand(publish: Publish, folder: Path) -> None:
    publish(churn_model())

    replaced = publish(churn_model(0.5), replace=True)

    assert ModelManifest.read(folder) == replaced


def test_a_version_whose_manifest_was_never_written_is_free(publish: Publish, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "model.joblib").write_bytes(b"half of a publication")

    manifest = publish(churn_model())

    assert len((folder / "model.joblib").read_bytes()) == manifest.artifact.bytes


def test_two_versions_of_a_model_live_side_by_side(publish: Publish, tmp_path: Path) -> None:
    publish(churn_model())
    publish(churn_model(0.5), version="2")

    versions = sorted(path.name for path in (tmp_path / "churn").iterdir())

    assert versions == ["1", "2"]


class Unstorable(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Fitted, but made of something that no file can hold."""

    def fit(self, rows: NDArray[np.float64], _labels: NDArray[Any]) -> Self:
        self.fitted_ = (row for row in rows)
        return self

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return rows[:, 0]


def double(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2 * rows


double.__module__ = "__main__"

TWO_OUTPUTS = np.column_stack([STAYS_OR_CHURNS, STAYS_OR_CHURNS])


@pytest.mark.parametrize(
    ("estimator", "advice"),
    [
        pytest.param(LogisticRegression(), "is not fitted", id="not fitted"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), "is not fitted", id="pipeline not fitted"),
        pytest.param(SimpleNamespace(predict=None), "not a scikit-learn estimator", id="no estimator"),
        pytest.param(LogisticRegression, "not a scikit-learn estimator", id="class instead of instance"),
        pytest.param(StandardScaler().fit(X), "publish the whole pipeline", id="a step that cannot predict"),
        pytest.param(LinearSVC().fit(X, STAYS_OR_CHURNS), "CalibratedClassifierCV", id="no probabilities"),
        pytest.param(DummyClassifier().fit(X, TWO_OUTPUTS), "several outputs", id="two outputs"),
        pytest.param(GaussianMixture().fit(X), "no classifier", id="probabilities of clusters"),
        pytest.param(Unstorable().fit(X, STAYS_OR_CHURNS), "cannot be stored", id="holds a generator"),
    ],
)
def test_an_unusable_estimator_is_refused_with_the_reason(
    publish: Publish, tmp_path: Path, estimator: BaseEstimator, advice: str
) -> None:
    with pytest.raises(ArtifactUnusable, match=advice):
        publish(estimator)

    assert list(tmp_path.iterdir()) == []


def test_an_estimator_with_code_of_a_notebook_is_refused(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("__main__.double", double, raising=False)
    estimator = make_pipeline(FunctionTransformer(double), LinearRegression()).fit(X, X[:, 0])

    with pytest.raises(ArtifactUnusable, match="notebook or script"):
        publish(estimator)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"name": "Churn!"}, "name: String should match", id="name"),
        pytest.param({"version": "../2"}, "version: String should match", id="version outside its folder"),
        pytest.param(
            {"features": FEATURES[:1]}, "1 features, but the estimator was fitted to 2", id="too few features"
        ),
        pytest.param({"features": ()}, "0 features", id="no features"),
        pytest.param({"features": (FEATURES[0],) * 2}, "same name", id="features of one name"),
        pytest.param({"metrics": {"roc_auc": float("nan")}}, "metrics.roc_auc", id="metric that is no number"),
        pytest.param({"classes": ["stays"]}, "1 classes are given, but the estimator has 2", id="too few classes"),
        pytest.param({"classes": ["1", "0"]}, "not in the order", id="swapped classes"),
        pytest.param({"classes": ["same", "same"]}, "different labels", id="equal classes"),
    ],
)
def test_a_contradictory_manifest_is_refused_with_the_reason(
    publish: Publish, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ManifestInvalid, match=reason):
        publish(churn_model(), **changes)

    assert list(tmp_path.iterdir()) == []


def test_classes_for_a_regressor_are_refused(publish: Publish) -> None:
    with pytest.raises(ManifestInvalid, match="predicts a number"):
        publish(LinearRegression().fit(X, X[:, 0]), classes=["low", "high"])


def test_features_in_another_order_than_the_estimator_remembers_are_refused(publish: Publish) -> None:
    estimator = churn_model()
    estimator.feature_names_in_ = np.array(["spend", "visits"])

    with pytest.raises(ManifestInvalid, match="fitted to"):
        publish(estimator)


def test_version_taken_is_an_error_of_the_model() -> None:
    assert issubclass(VersionTaken, ModelError)
