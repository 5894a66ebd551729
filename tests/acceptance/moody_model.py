"""Publishes the model that misbehaves on request."""

from pathlib import Path

from shared.manifest import Feature
from tests.models import MoodyClassifier
from training.publish import publish_model


def publish_moody_model(models_dir: Path, version: str = "1") -> None:
    mood = Feature(name="mood", minimum=0, maximum=2000, example=1.0)
    estimator = MoodyClassifier().fit([[0.0], [1.0]], ["calm", "wild"])
    publish_model(estimator, name="moody", version=version, features=[mood], models_dir=models_dir)
