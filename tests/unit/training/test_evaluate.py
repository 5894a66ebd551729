import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from training.dataset import draw_people
from training.evaluate import BARS, calibration_line, evaluate, find_missed_bars, measure
from training.height_bands import error_rates_by_height
from training.pipeline import fit, train

#: Ten draws of 20,000 in one: a single one misses a bar by bad luck about once in 16 times, so near are they to what
#: three measurements can tell at best.
ROWS = 200_000
#: Neither of the trainer nor of its own evaluation.
FRESH_SEED = 987_654
CLASSES = np.array(["female", "male"])
PASSING = {"roc_auc": 0.93, "balanced_accuracy": 0.85, "calibration_slope": 1.05}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return train()


@pytest.fixture(scope="module")
def metrics(pipeline: Pipeline) -> dict[str, float]:
    return evaluate(pipeline, ROWS, FRESH_SEED)


@pytest.mark.parametrize("name", BARS)
def test_the_default_model_clears_its_bars_on_fresh_people(metrics: dict[str, float], name: str) -> None:
    lowest, highest = BARS[name]

    assert lowest <= metrics[name] <= highest


def test_the_default_model_errs_about_as_often_for_women_as_for_men(metrics: dict[str, float]) -> None:
    assert metrics["recall_female"] == pytest.approx(metrics["recall_male"], abs=0.02)


def test_predicted_men_are_as_many_as_there_are(pipeline: Pipeline) -> None:
    people, labels = draw_people(ROWS, FRESH_SEED)

    expected = pipeline.predict_proba(people)[:, 1].mean()

    assert expected == pytest.approx((labels == "male").mean(), abs=0.01)


def test_the_same_people_give_the_same_metrics(pipeline: Pipeline) -> None:
    first = evaluate(pipeline, 2_000, FRESH_SEED)

    again = evaluate(pipeline, 2_000, FRESH_SEED)

    assert again == first


def test_a_perfect_ranking_has_auc_one_and_its_mirror_has_zero() -> None:
    labels = np.array(["female", "male"] * 50)
    log_odds = np.where(labels == "male", 1.0, -1.0) * np.linspace(1, 2, 100)

    perfect = measure(labels, log_odds, CLASSES)
    mirrored = measure(labels, -log_odds, CLASSES)

    assert [perfect["roc_auc"], perfect["recall_female"], perfect["recall_male"]] == [1, 1, 1]
    assert [mirrored["roc_auc"], mirrored["recall_female"], mirrored["recall_male"]] == [0, 0, 0]


def test_a_coin_has_a_brier_score_of_a_quarter() -> None:
    labels = np.array(["female", "male"] * 50)

    metrics = measure(labels, np.linspace(-0.1, 0.1, 100), CLASSES)

    assert metrics["brier"] == pytest.approx(0.25, abs=0.001)


def test_a_model_trained_on_swapped_labels_misses_the_bars() -> None:
    people, labels = draw_people(2_000, 5)
    swapped = np.where(labels == "male", "female", "male")

    metrics = evaluate(fit(people, swapped), 2_000, FRESH_SEED)

    assert find_missed_bars(metrics) == list(BARS)


@pytest.mark.parametrize("exaggeration", [0.5, 1.0, 2.0])
def test_the_calibration_slope_tells_how_much_log_odds_exaggerate(exaggeration: float) -> None:
    generator = np.random.default_rng(1)
    true_log_odds = generator.normal(0, 2, 100_000)
    outcomes = generator.random(100_000) < 1 / (1 + np.exp(-true_log_odds))

    slope, intercept = calibration_line(exaggeration * true_log_odds, outcomes)

    assert [slope * exaggeration, intercept] == pytest.approx([1, 0], abs=0.03)


def test_metrics_on_their_bars_are_passed() -> None:
    assert find_missed_bars(PASSING) == []


@pytest.mark.parametrize(
    ("name", "value"), [("roc_auc", 0.9299), ("balanced_accuracy", 0.8499), ("calibration_slope", 0.9499)]
)
def test_a_metric_below_its_bar_is_named(name: str, value: float) -> None:
    assert find_missed_bars(PASSING | {name: value}) == [name]


def test_every_drawn_person_is_in_one_height_band(pipeline: Pipeline) -> None:
    bands = error_rates_by_height(pipeline, ROWS, FRESH_SEED)

    assert sum(band.people for band in bands) == ROWS
    assert len({(band.label, band.lowest_cm) for band in bands}) == len(bands)


def test_tall_women_and_short_men_are_mistaken_most(pipeline: Pipeline) -> None:
    rates = [band.error_rate for band in error_rates_by_height(pipeline, ROWS, FRESH_SEED)]
    women, men = rates[:6], rates[6:]

    assert women == sorted(women)
    assert men == sorted(men, reverse=True)
