"""People to train on, drawn from published moments: no person's own measurements are used or stored."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.manifest import Feature
from training.ansur2 import MOMENTS, Moments
from training.features import FEATURES

Floats = NDArray[np.float64]
Labels = NDArray[np.str_]


def draw_people(
    rows: int, seed: int | np.random.SeedSequence, *, features: Sequence[Feature] = FEATURES
) -> tuple[Floats, Labels]:
    """Draw women and men in turn, so that every even number of leading rows is half and half.

    rows: how many people. seed: the same seed gives the same rows.
    features: whose hard ranges hold; a person outside them is drawn again.

    Returns measurements of shape (rows, 3), columns height (cm), weight (kg) and shoe size (EU), and the labels
    "female" or "male" of shape (rows,). Values are rounded as people state them: see `_draw`.
    """
    generator = np.random.default_rng(seed)
    labels = np.resize(np.array(list(MOMENTS)), rows)
    people = np.empty((rows, len(features)))
    for sex, moments in MOMENTS.items():
        chosen = labels == sex
        people[chosen] = _draw_within(features, moments, int(chosen.sum()), generator)
    return people, labels


def shoe_size(foot_length_cm: Floats) -> Floats:
    """Return the EU shoe size for a foot length in centimetres, in halves as shoes are sold.

    The unit, the Paris point, is two thirds of a centimetre, and the shoe is taken to be 1.5 cm longer than the foot.
    """
    return np.rint(2 * (1.5 * foot_length_cm + 2.25)) / 2


def _draw_within(features: Sequence[Feature], moments: Moments, rows: int, generator: np.random.Generator) -> Floats:
    """Return `rows` people, each value inside the hard range of its feature."""
    lowest = np.array([feature.minimum for feature in features], dtype=np.float64)
    highest = np.array([feature.maximum for feature in features], dtype=np.float64)
    people = np.empty((0, len(features)))
    while len(people) < rows:
        drawn = _draw(moments, rows - len(people), generator)
        is_inside = ((drawn >= lowest) & (drawn <= highest)).all(axis=1)
        people = np.concatenate([people, drawn[is_inside]])
    return people


def _draw(moments: Moments, rows: int, generator: np.random.Generator) -> Floats:
    """Draw from the normal distribution of height, ln weight and foot length, then round as people would.

    A person states height in whole centimetres and weight as a scale shows it, to 0.1 kg. The rounding also makes
    the rows the same on every processor: the last bits of a float, where processors differ, are gone.
    """
    factor = np.linalg.cholesky(moments.covariance())
    normal = np.array(moments.mean) + generator.standard_normal((rows, 3)) @ factor.T
    height, log_weight, foot_length = normal.T
    return np.column_stack([np.rint(height), np.round(np.exp(log_weight), 1), shoe_size(foot_length)])
