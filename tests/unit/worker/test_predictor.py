from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shared.errors import ArtifactUnusable, ManifestInvalid
from shared.jobs import Row
from shared.manifest import Feature, ModelManifest
from tests.builders import HEIGHT, SHOE_SIZE, manifest
from training.publish import publish_model
from worker.predictor import OutputInvalid, Predictor

PEOPLE = np.array([[160.0, 37.0], [165.0, 38.5], [181.0, 44.0], [178.0, 43.0], [170.0, 40.0], [172.0, 42.0]])
SEXES = np.array(["female", "female", "male", "male", "female", "male"])
ROWS: list[Row] = PEOPLE.tolist()

COLOUR = Feature(name="colour", type="category", categories=("red", "blue", "green"), example="red")
NOTE = Feature(name="note", type="text", example="good")
SIZE = Feature(name="size", example=1.5)
#: Columns in another order than the manifest's, so that only their names can bring them together.
THINGS = pd.DataFrame(
    {
        "size": [1.0, 2.0, 3.0, 4.5],
        "note": ["good day", "bad day", "very good", "bad"],
        "colour": ["red", "blue", "red", "green"],
    }
)
THING_ROWS: list[Row] = [["red", "good day", 1.0], ["blue", "bad day", 2.0], ["red", "very good", 3.0]]


class Answering:
    """An estimator that answers the same to everything."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def predict_proba(self, _frame: object) -> object:
        return self._answer

    predict = predict_proba


def classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(PEOPLE, SEXES)


def mixed_classifier() -> Any:
    columns = ColumnTransformer(
        [
            ("colour", OneHotEncoder(), ["colour"]),
            ("note", TfidfVectorizer(), "note"),
            ("size", StandardScaler(), ["size"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression()).fit(THINGS, ["a", "b", "a", "b"])


def mixed_manifest() -> ModelManifest:
    return manifest(features=(COLOUR, NOTE, SIZE), classes=("a", "b"))


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., Path]:
    """Publishes an estimator as gender/1 and returns its folder."""

    def publish_people_model(estimator: Any, **changes: Any) -> Path:
        wanted: dict[str, Any] = {"features": (HEIGHT, SHOE_SIZE)} | changes
        publish_model(estimator, name="gender", version="1", models_dir=tmp_path, **wanted)
        return tmp_path / "gender" / "1"

    return publish_people_model


def test_predictions_are_exactly_what_the_model_says() -> None:
    estimator = classifier()

    predictions = Predictor(manifest(), estimator).predict(ROWS)

    expected = estimator.predict_proba(PEOPLE).tolist()
    assert [list(one["probabilities"].values()) for one in predictions] == expected
    assert [one["prediction"] for one in predictions] == estimator.predict(PEOPLE).tolist()


def test_probabilities_are_named_by_the_classes_of_the_manifest() -> None:
    renamed = manifest(classes=("woman", "man"))

    (prediction,) = Predictor(renamed, Answering([[0.25, 0.75], [0.25, 0.75]])).predict(ROWS[:1])

    assert prediction == {"prediction": "man", "probabilities": {"woman": 0.25, "man": 0.75}}


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_lone_row_gets_the_same_answer_as_among_others(number: int) -> None:
    predictor = Predictor(manifest(), classifier())

    (alone,) = predictor.predict([ROWS[number]])

    assert alone == predictor.predict(ROWS)[number]


def test_a_regressor_answers_one_number_per_row() -> None:
    estimator = LinearRegression().fit(PEOPLE, PEOPLE[:, 0] * 0.5)

    predictions = Predictor(manifest(classes=None), estimator).predict(ROWS)

    assert predictions == [{"prediction": value} for value in estimator.predict(PEOPLE).tolist()]


def test_categories_and_texts_reach_the_model_by_the_name_of_their_column() -> None:
    estimator = mixed_classifier()

    predictions = Predictor(mixed_manifest(), estimator).predict(THING_ROWS)

    expected = estimator.predict_proba(THINGS)[:3].tolist()
    assert [list(one["probabilities"].values()) for one in predictions] == expected


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(["blue", "new words", 2.5], id="words never seen"),
        pytest.param(["red", "", 3], id="empty text"),
        pytest.param(["green", "good", 1_000_000], id="number without a fraction"),
    ],
)
def test_a_row_of_mixed_types_is_predicted(row: Row) -> None:
    (prediction,) = Predictor(mixed_manifest(), mixed_classifier()).predict([row])

    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([[0.5, 0.5], [np.nan, np.nan]], id="NaN"),
        pytest.param([[0.5, 0.5], [np.inf, 0]], id="infinity"),
        pytest.param([[0.5, 0.5]], id="too few rows"),
        pytest.param([[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]], id="too many classes"),
        pytest.param([0.5, 0.5], id="one number per row"),
    ],
)
def test_probabilities_that_are_none_are_refused(answer: object) -> None:
    with pytest.raises(OutputInvalid, match="one finite probability per class"):
        Predictor(manifest(), Answering(answer)).predict(ROWS[:2])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param([1.0, np.nan], id="NaN"),
        pytest.param([1.0, -np.inf], id="infinity"),
        pytest.param([1.0], id="too few rows"),
        pytest.param([[1.0], [2.0]], id="a column"),
    ],
)
def test_a_number_that_is_none_is_refused(answer: object) -> None:
    with pytest.raises(OutputInvalid, match="one finite number per row"):
        Predictor(manifest(classes=None), Answering(answer)).predict(ROWS[:2])


def test_an_exception_of_the_model_comes_out_as_it_is() -> None:
    unseen: list[Row] = [["violet", "good", 1.0], ["red", "good", 1.0]]

    with pytest.raises(ValueError, match="unknown categories"):
        Predictor(mixed_manifest(), mixed_classifier()).predict(unseen)


def test_a_loaded_model_predicts_as_it_did_before_it_was_published(publish: Callable[..., Path]) -> None:
    estimator = classifier()

    predictor = Predictor.load(publish(estimator))

    assert predictor.manifest.key == "gender/1"
    assert predictor.predict(ROWS) == Predictor(manifest(), estimator).predict(ROWS)


def forest() -> Any:
    return RandomForestClassifier(n_estimators=2, n_jobs=2).fit(PEOPLE, SEXES)


def scaled_neighbours() -> Any:
    return make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=1, n_jobs=2)).fit(PEOPLE, SEXES)


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        pytest.param(forest, "n_jobs", id="alone"),
        pytest.param(scaled_neighbours, "kneighborsclassifier__n_jobs", id="in a pipeline"),
    ],
)
def test_a_loaded_model_uses_one_core(publish: Callable[..., Path], estimator: Callable[[], Any], name: str) -> None:
    predictor = Predictor.load(publish(estimator()))

    assert predictor._estimator.get_params()[name] == 1


def test_an_example_that_its_own_feature_refuses_is_refused_at_start(publish: Callable[..., Path]) -> None:
    folder = publish(classifier())
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"example": 181.0', '"example": 300.0'))

    with pytest.raises(ManifestInvalid, match="the example of height: 300 is outside 100 to 250 cm"):
        Predictor.load(folder)


def test_a_model_that_cannot_predict_its_own_example_is_refused_at_start(publish: Callable[..., Path]) -> None:
    unseen = COLOUR.model_copy(update={"example": "violet", "categories": ("red", "violet")})
    folder = publish(mixed_classifier(), features=(SIZE, NOTE, unseen))

    with pytest.raises(ArtifactUnusable, match="gender/1 cannot predict the example of its manifest: ValueError"):
        Predictor.load(folder)


def test_rows_of_another_width_are_refused() -> None:
    narrow: NDArray[np.float64] = PEOPLE[:2, :1]

    with pytest.raises(ValueError, match="expecting 2 features"):
        Predictor(manifest(), classifier()).predict(narrow.tolist())
