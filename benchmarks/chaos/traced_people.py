"""People to ask the traced model about: who has which ticket, and what the model inside says of them, directly."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from benchmarks.chaos.fates import Fate
from benchmarks.chaos.traced_model import MODEL_COLUMNS, NO_TICKET, TracedClassifier
from benchmarks.published_model import publish_measured_model
from shared.manifest import Feature
from training.dataset import draw_people
from training.features import FEATURES
from training.publish import publish_model

NAME = "traced"
_VERSION = "1"
_LARGEST_TICKET = 10_000_000
#: So many people are drawn; later tickets go through them again.
_PEOPLE = 20_000

Record = dict[str, float]


class TracedPeople:
    """The same seed gives the same people."""

    def __init__(self, model_artifact: Path, seed: int) -> None:
        #: Of the model inside, without a trace.
        self.artifact = model_artifact
        self._model = joblib.load(model_artifact)
        self._people, _ = draw_people(_PEOPLE, seed)

    def record(self, ticket: int, fate: Fate = Fate.NONE) -> Record:
        """Return the input of a job."""
        values = self._people[ticket % _PEOPLE].tolist()
        named = dict(zip((feature.name for feature in FEATURES), values, strict=True))
        return {**named, "ticket": float(ticket), "fate": float(fate)}

    @cached_property
    def _truth(self) -> Any:
        # All in one call, of many rows, in a process of its own: nothing of the service has a part in it.
        return self._model.predict_proba(np.ascontiguousarray(self._people[:, :MODEL_COLUMNS]))

    def output(self, ticket: int) -> dict[str, Any]:
        """Return what the job of a ticket must answer, to the last bit."""
        values = self._truth[ticket % _PEOPLE]
        classes: Sequence[str] = self._model.classes_.tolist()
        return {
            "prediction": classes[values.argmax()],
            "probabilities": dict(zip(classes, values.tolist(), strict=True)),
        }


def publish_traced_model(models_dir: Path, trace_dir: Path, *, call_seconds: float) -> Path:
    """Publish the default model, and the same with a trace; return the artifact of the former."""
    artifact = publish_measured_model("gender", models_dir)
    features = [
        *FEATURES,
        Feature(name="ticket", minimum=0, maximum=_LARGEST_TICKET, example=float(NO_TICKET)),
        Feature(name="fate", minimum=min(Fate), maximum=max(Fate), example=float(Fate.NONE)),
    ]
    example = [[float(feature.example or 0.0) for feature in features]]
    estimator = TracedClassifier(joblib.load(artifact), str(trace_dir), call_seconds).fit(example, None)
    publish_model(estimator, name=NAME, version=_VERSION, features=features, models_dir=models_dir)
    return artifact
