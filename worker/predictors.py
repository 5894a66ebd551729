"""Predictors: every model version that this worker process has loaded."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from shared.errors import ModelError
from shared.manifest import ModelManifest
from worker.artifacts import find_model_folders
from worker.predictor import Predictor

log = logging.getLogger(__name__)


class ModelUnavailable(Exception):
    """Raised when a job needs a model version that this worker does not have."""


class Predictors:
    """The model versions loaded at start; another version in `models_dir` is loaded when a job needs it."""

    def __init__(self, predictors: Iterable[Predictor], models_dir: Path) -> None:
        self._loaded = {predictor.manifest.key: predictor for predictor in predictors}
        self._models_dir = models_dir

    @classmethod
    def load(cls, models_dir: Path, names: Iterable[str]) -> Self:
        """Load and warm up every wanted model; raises a ModelError of the first that cannot be served."""
        return cls([Predictor.load(folder) for folder in find_model_folders(models_dir, names)], models_dir)

    @property
    def manifests(self) -> list[ModelManifest]:
        return [predictor.manifest for predictor in self._loaded.values()]

    def get(self, key: str) -> Predictor:
        """Return the predictor of `name/version`; raises ModelUnavailable.

        A job keeps the version that it was accepted for. After a release older jobs may still come, so a
        version that is not loaded is looked up on disk.
        """
        predictor = self._loaded.get(key)
        if predictor is None:
            try:
                (folder,) = find_model_folders(self._models_dir, [key])
                predictor = self._loaded[key] = Predictor.load(folder)
            except ModelError as error:
                log.warning("model version unavailable", extra={"model": key, "detail": error.detail})
                raise ModelUnavailable(
                    f"The workers no longer serve {key}; submit again to use the version that they serve."
                ) from error
        return predictor
