from itertools import pairwise

import pytest

from shared.manifest import Feature, Lookalike
from training.features import FEATURES, HEIGHT, SHOE_SIZE, WEIGHT

LOOKALIKES = [
    pytest.param(feature, lookalike, id=f"{feature.name} in {lookalike.unit}")
    for feature in FEATURES
    for lookalike in feature.lookalikes
]
CONVERTIBLE = [
    pytest.param(feature, lookalike, id=f"{feature.name} in {lookalike.unit}")
    for feature in FEATURES
    for lookalike in feature.lookalikes
    if lookalike.multiply_by is not None
]


def hard_range(feature: Feature) -> tuple[float, float]:
    assert feature.minimum is not None
    assert feature.maximum is not None
    return feature.minimum, feature.maximum


@pytest.mark.parametrize(("feature", "lookalike"), LOOKALIKES)
def test_no_lookalike_reaches_inside_the_hard_range(feature: Feature, lookalike: Lookalike) -> None:
    lowest, highest = hard_range(feature)

    assert lookalike.maximum <= lowest or lookalike.minimum >= highest


@pytest.mark.parametrize(("feature", "lookalike"), CONVERTIBLE)
def test_a_converted_lookalike_is_accepted(feature: Feature, lookalike: Lookalike) -> None:
    lowest, highest = hard_range(feature)

    converted = [lookalike.convert(value) or 0 for value in (lookalike.minimum, lookalike.maximum)]

    assert lowest <= converted[0] < converted[1] <= highest


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_no_value_has_two_lookalikes(feature: Feature) -> None:
    ordered = sorted(feature.lookalikes, key=lambda lookalike: lookalike.minimum)

    assert all(lower.maximum < upper.minimum for lower, upper in pairwise(ordered))


@pytest.mark.parametrize(
    ("feature", "sent", "unit", "meant"),
    [
        pytest.param(HEIGHT, 1.81, "metres", 181, id="181 cm in metres"),
        pytest.param(HEIGHT, 71.26, "inches", 181, id="181 cm in inches"),
        pytest.param(HEIGHT, 5.94, "feet", 181, id="181 cm in feet"),
        pytest.param(HEIGHT, 1810, "millimetres", 181, id="181 cm in millimetres"),
        pytest.param(WEIGHT, 80_000, "grams", 80, id="80 kg in grams"),
        pytest.param(WEIGHT, 12.6, "stone", 80, id="80 kg in stone"),
        pytest.param(WEIGHT, 400, "pounds", 181.4, id="181 kg in pounds"),
        pytest.param(SHOE_SIZE, 27.8, "a foot length in centimetres", 44, id="EU 44 as a foot in centimetres"),
        pytest.param(SHOE_SIZE, 278, "a foot length in millimetres", 44, id="EU 44 as a foot in millimetres"),
    ],
)
def test_a_wrong_unit_is_recognised_and_converted(feature: Feature, sent: float, unit: str, meant: float) -> None:
    (lookalike,) = [lookalike for lookalike in feature.lookalikes if lookalike.covers(sent)]

    assert lookalike.unit == unit
    assert lookalike.convert(sent) == pytest.approx(meant, abs=0.1)


def test_a_us_shoe_size_is_recognised_but_not_converted() -> None:
    (lookalike,) = [lookalike for lookalike in SHOE_SIZE.lookalikes if lookalike.covers(9.5)]

    assert lookalike.convert(9.5) is None
