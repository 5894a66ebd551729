"""Publishes the model that misbehaves on request."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.manifest import Feature
from tests.models import MoodyClassifier
from training.publish import publish_model

MOOD = Feature(name="mood", minimum=0, maximum=2000, example=1.0)
COUNT = Feature(name="count", type="integer", minimum=0, maximum=100, example=3)
COLOUR = Feature(name="colour", type="category", categories=("red", "blue"), example="red")


def publish_moody_model(
    models_dir: Path, version: str = "1", *, name: str = "moody", features: Sequence[Feature] = (MOOD,)
) -> None:
    """Publish it; the first of its features is the mood."""
    estimator = MoodyClassifier().fit(np.zeros((2, len(features))), ["calm", "wild"])
    publish_model(estimator, name=name, version=version, features=list(features), models_dir=models_dir)
