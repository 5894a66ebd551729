"""The model that is measured, in a models folder of its own: the default one, or a forest trained on the spot."""

import shutil
from pathlib import Path

from sklearn.ensemble import RandomForestClassifier

from benchmarks.warm_process import ROOT
from training.dataset import draw_people
from training.features import FEATURES
from training.publish import ARTIFACT_FILE, publish_model

MODELS = ("gender", "forest")
_VERSION = "1"
_TREES = 100
_TRAINING_ROWS = 20_000
_SEED = 7


def publish_measured_model(name: str, models_dir: Path) -> Path:
    """Put one of MODELS into the folder, and return the path of its artifact."""
    folder = models_dir / name / _VERSION
    if name == "gender":
        shutil.copytree(ROOT / "models" / name / _VERSION, folder)
    else:
        # Leaves of 20 people keep the trees as deep as a forest that generalises, not one that learns by heart.
        forest = RandomForestClassifier(_TREES, min_samples_leaf=20, random_state=_SEED)
        forest.fit(*draw_people(_TRAINING_ROWS, _SEED))
        publish_model(forest, name=name, version=_VERSION, features=FEATURES, models_dir=models_dir)
    return folder / ARTIFACT_FILE
