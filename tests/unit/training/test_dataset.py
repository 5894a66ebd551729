import numpy as np
import pytest
from numpy.typing import NDArray

from shared.manifest import Feature
from training.ansur2 import MOMENTS
from training.dataset import draw_people, shoe_size
from training.features import FEATURES, HEIGHT

ROWS = 200_000
SEXES = list(MOMENTS)
COLUMNS = [pytest.param(number, feature, id=feature.name) for number, feature in enumerate(FEATURES)]


def draw_by_sex() -> dict[str, NDArray[np.float64]]:
    people, labels = draw_people(ROWS, 31)
    return {sex: people[labels == sex] for sex in SEXES}


PEOPLE_OF = draw_by_sex()
EVERYONE = np.concatenate(list(PEOPLE_OF.values()))


def normal_parts(sex: str) -> NDArray[np.float64]:
    """Undo the units: height (cm), ln weight and foot length (cm), each with the noise of its rounding."""
    height, weight, size = PEOPLE_OF[sex].T
    return np.column_stack([height, np.log(weight), (size - 2.25) / 1.5])


def test_the_same_seed_draws_the_same_people() -> None:
    first, first_labels = draw_people(500, 7)

    again, again_labels = draw_people(500, 7)

    assert np.array_equal(first, again)
    assert np.array_equal(first_labels, again_labels)


def test_another_seed_draws_other_people() -> None:
    first, _ = draw_people(500, 7)

    other, _ = draw_people(500, 8)

    assert not np.array_equal(first, other)


@pytest.mark.parametrize("rows", [2, 10, 4_444])
def test_half_of_the_people_are_women_and_half_are_men(rows: int) -> None:
    people, labels = draw_people(rows, 1)

    assert people.shape == (rows, len(FEATURES))
    assert labels[:2].tolist() == ["female", "male"]
    assert 2 * (labels == "male").sum() == rows


@pytest.mark.parametrize("sex", SEXES)
def test_means_are_the_published_ones(sex: str) -> None:
    drawn = normal_parts(sex).mean(axis=0)

    assert drawn == pytest.approx(MOMENTS[sex].mean, rel=0.001)


@pytest.mark.parametrize("sex", SEXES)
def test_standard_deviations_are_the_published_ones(sex: str) -> None:
    drawn = normal_parts(sex).std(axis=0, ddof=1)

    assert drawn == pytest.approx(MOMENTS[sex].sd, rel=0.01)


@pytest.mark.parametrize("sex", SEXES)
def test_correlations_are_the_published_ones(sex: str) -> None:
    drawn = np.asarray(np.corrcoef(normal_parts(sex).T))[[0, 0, 1], [1, 2, 2]]

    assert drawn == pytest.approx(MOMENTS[sex].correlations, abs=0.01)


@pytest.mark.parametrize(("sex", "mean_kg"), [("female", 67.75820745216517), ("male", 85.52395884370407)])
def test_the_mean_weight_in_kilograms_follows_from_the_log_normal(sex: str, mean_kg: float) -> None:
    drawn = PEOPLE_OF[sex][:, 1].mean()

    assert drawn == pytest.approx(mean_kg, rel=0.003)


def test_values_are_rounded_as_people_state_them() -> None:
    height, weight, size = EVERYONE.T

    assert np.array_equal(height, np.rint(height))
    assert np.array_equal(weight, np.round(weight, 1))
    assert np.array_equal(2 * size, np.rint(2 * size))


@pytest.mark.parametrize(("foot_length_cm", "size"), [(24.5, 39.0), (27.1, 43.0), (26.4, 42.0), (26.8, 42.5)])
def test_a_shoe_size_is_the_foot_length_in_paris_points_to_the_half(foot_length_cm: float, size: float) -> None:
    assert shoe_size(np.array([foot_length_cm])) == pytest.approx([size], abs=0)


@pytest.mark.parametrize(("column", "feature"), COLUMNS)
def test_nobody_is_outside_a_hard_range(column: int, feature: Feature) -> None:
    drawn = EVERYONE[:, column]

    assert feature.minimum <= drawn.min()
    assert drawn.max() <= feature.maximum


def test_people_outside_a_hard_range_are_drawn_again() -> None:
    narrow = HEIGHT.model_copy(update={"minimum": 165.0, "maximum": 170.0})

    people, labels = draw_people(1_000, 3, features=(narrow, *FEATURES[1:]))

    assert set(people[:, 0]) == {165, 166, 167, 168, 169, 170}
    assert (labels == "female").mean() == pytest.approx(0.5)


@pytest.mark.parametrize(("column", "feature"), COLUMNS)
def test_a_typical_range_holds_all_but_a_thousandth_at_either_end(column: int, feature: Feature) -> None:
    ends = np.quantile(EVERYONE[:, column], [0.001, 0.999])

    assert [feature.typical_minimum, feature.typical_maximum] == pytest.approx(ends.tolist(), abs=1)
