from pathlib import Path

import pytest
from sklearn.dummy import DummyClassifier

from shared.errors import ModelError, ModelMissing
from shared.jobs import Row
from tests.builders import HEIGHT, SHOE_SIZE
from training.publish import publish_model
from worker.predictors import ModelUnavailable, Predictors

ROW: Row = [181.0, 44.0]


def publish(models_dir: Path, *, name: str = "gender", version: str, answer: str) -> None:
    estimator = DummyClassifier(strategy="constant", constant=answer).fit([ROW, ROW], ["female", "male"])
    publish_model(estimator, name=name, version=version, features=(HEIGHT, SHOE_SIZE), models_dir=models_dir)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    publish(tmp_path, version="9", answer="female")
    publish(tmp_path, version="10", answer="male")
    publish(tmp_path, name="churn", version="1", answer="female")
    return tmp_path


def keys(predictors: Predictors) -> list[str]:
    return [manifest.key for manifest in predictors.manifests]


def test_at_start_the_newest_version_of_each_model_is_loaded(models_dir: Path) -> None:
    assert keys(Predictors.load(models_dir, [])) == ["churn/1", "gender/10"]


def test_at_start_only_the_wanted_models_are_loaded(models_dir: Path) -> None:
    assert keys(Predictors.load(models_dir, ["gender/9"])) == ["gender/9"]


def test_a_model_that_cannot_be_served_stops_the_start(models_dir: Path) -> None:
    (models_dir / "churn" / "1" / "model.joblib").write_bytes(b"another file")

    with pytest.raises(ModelError, match="is not the file that its manifest describes"):
        Predictors.load(models_dir, [])


def test_a_start_without_any_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        Predictors.load(tmp_path, [])


def test_a_loaded_version_is_served(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])

    assert predictors.get("gender/10").predict([ROW])[0]["prediction"] == "male"


def test_an_older_version_on_disk_is_loaded_when_a_job_needs_it(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])

    assert predictors.get("gender/9").predict([ROW])[0]["prediction"] == "female"


def test_a_version_published_after_the_start_is_loaded_when_a_job_needs_it(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])
    publish(models_dir, version="11", answer="female")

    assert predictors.get("gender/11").manifest.key == "gender/11"


def test_a_version_is_loaded_once(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])

    assert predictors.get("gender/9") is predictors.get("gender/9")


@pytest.mark.parametrize("key", ["gender/8", "nobody/1"], ids=["version", "model"])
def test_what_is_not_on_disk_is_unavailable(models_dir: Path, key: str) -> None:
    predictors = Predictors.load(models_dir, ["gender"])

    with pytest.raises(ModelUnavailable, match=f"The workers no longer serve {key}; submit again"):
        predictors.get(key)


def test_a_version_on_disk_that_cannot_be_served_is_unavailable(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])
    (models_dir / "gender" / "9" / "manifest.json").write_text("{}")

    with pytest.raises(ModelUnavailable, match="gender/9"):
        predictors.get("gender/9")


def test_a_version_that_was_restored_is_available_again(models_dir: Path) -> None:
    predictors = Predictors.load(models_dir, ["gender"])
    with pytest.raises(ModelUnavailable):
        predictors.get("gender/11")

    publish(models_dir, version="11", answer="male")

    assert predictors.get("gender/11").manifest.key == "gender/11"
