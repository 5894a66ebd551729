import hashlib
import pickle
import pickletools
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from shared.manifest import ModelManifest
from training.dataset import draw_people
from training.estimator_checks import encode_artifact
from training.features import FEATURES
from training.pipeline import calibrate, fit, train

COMMITTED = Path(__file__).parents[3] / "models" / "gender" / "1"
FIRST_QUESTION = np.array([[190.0, 70.0, 43.0]])
PEOPLE, LABELS = draw_people(20_000, 987_654)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return train()


@pytest.fixture(scope="module")
def committed() -> Pipeline:
    return joblib.load(COMMITTED / "model.joblib")


def sha256(pipeline: Pipeline) -> str:
    return hashlib.sha256(encode_artifact(pipeline)).hexdigest()


def test_two_builds_have_the_same_bytes(pipeline: Pipeline) -> None:
    again = train()

    assert encode_artifact(again) == encode_artifact(pipeline)


def test_a_build_has_the_bytes_of_the_committed_artifact(pipeline: Pipeline) -> None:
    committed = (COMMITTED / "model.joblib").read_bytes()

    assert encode_artifact(pipeline) == committed


def test_the_committed_manifest_names_the_committed_bytes(pipeline: Pipeline) -> None:
    manifest = ModelManifest.read(COMMITTED)

    assert manifest.artifact.sha256 == sha256(pipeline)
    assert manifest.features == FEATURES
    assert manifest.classes == ("female", "male")


def test_another_seed_gives_another_model(pipeline: Pipeline) -> None:
    other = train(seed=2)

    assert sha256(other) != sha256(pipeline)


def test_the_person_of_190_cm_70_kg_eu_43_keeps_the_same_answer(pipeline: Pipeline, committed: Pipeline) -> None:
    chances = committed.predict_proba(FIRST_QUESTION)

    assert chances == pytest.approx(np.array([[0.0200, 0.9800]]), abs=0.0005)
    assert np.array_equal(chances, pipeline.predict_proba(FIRST_QUESTION))


def test_probabilities_of_a_row_sum_to_one(committed: Pipeline) -> None:
    sums = committed.predict_proba(PEOPLE).sum(axis=1)

    assert sums == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("column", range(len(FEATURES)), ids=[feature.name for feature in FEATURES])
def test_more_of_anything_is_more_likely_a_man(committed: Pipeline, column: int) -> None:
    person = np.array([feature.example for feature in FEATURES], dtype=np.float64)
    bigger = person.copy()
    bigger[column] += 1

    chances = committed.predict_proba(np.array([person, bigger]))[:, 1]

    assert chances[0] < chances[1]


def test_the_artifact_holds_classes_of_scikit_learn_and_numpy_only(pipeline: Pipeline) -> None:
    opcodes = pickletools.genops(pickle.dumps(pipeline, protocol=2))

    packages = {str(name).split(".")[0].split(" ")[0] for opcode, name, _ in opcodes if opcode.name == "GLOBAL"}

    # This protocol has no opcode for bytes and spells them with _codecs.
    assert packages == {"sklearn", "numpy", "_codecs"}


def test_the_artifact_asks_for_no_column_names(committed: Pipeline) -> None:
    assert not hasattr(committed, "feature_names_in_")


def test_learned_numbers_have_six_significant_digits(committed: Pipeline) -> None:
    learned = [committed["scale"].mean_, committed["scale"].scale_, committed["classify"].coef_.ravel()]

    digits = [f"{value:.6g}" for value in np.concatenate(learned)]

    assert [float(text) for text in digits] == np.concatenate(learned).tolist()


def test_calibration_undoes_overconfidence() -> None:
    honest = fit(PEOPLE, LABELS)
    overconfident = fit(PEOPLE, LABELS)
    overconfident["classify"].coef_ = 3 * overconfident["classify"].coef_

    calibrate(overconfident, PEOPLE, LABELS)

    assert overconfident["classify"].coef_ == pytest.approx(honest["classify"].coef_, rel=0.01)
