"""Which models can be asked for, from what the workers announce; read at most once a second."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.greenlets import call_blocking
from shared.errors import ModelNotFound, NoModelServed, StoreUnavailable
from shared.feature_schema import FeatureSchema, suggest
from shared.jobs import ModelRef
from shared.manifest import ModelManifest
from shared.registry import Registry, ServedModel

REFRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class RequestedModel:
    """The model version that a request is for."""

    manifest: ModelManifest
    schema: FeatureSchema

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.manifest.name, self.manifest.version, self.manifest.artifact.sha256)


class ServedModels:
    """Cache of the registry. While the store is away it goes on with what it knew."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._models: list[ServedModel] = []
        self._read_at = float("-inf")
        self._schemas: dict[tuple[str, str], RequestedModel] = {}

    def is_at_hand(self) -> bool:
        """Say whether the models are known, and new enough or just being read."""
        return bool(self._models) and (self._is_fresh() or self._lock.locked())

    def _is_fresh(self) -> bool:
        return bool(self._models) and self._clock() - self._read_at <= REFRESH_SECONDS

    def all(self) -> list[ServedModel]:
        """Return every announced version, by name, the newest first; raises StoreUnavailable if never read."""
        if not self.is_at_hand():
            # Even a request that never blocks comes here, if they have grown old since it was let on the event loop.
            call_blocking(self._refresh)
        return self._models

    def _refresh(self) -> None:
        # One request reads; the others go on with what is known, and wait only when nothing is.
        if self._lock.acquire(blocking=not self._models):
            try:
                self._read()
            finally:
                self._lock.release()

    def _read(self) -> None:
        if self._is_fresh():
            return
        try:
            self._models = self._registry.served_models()
        except StoreUnavailable:
            if not self._models:
                raise
        self._read_at = self._clock()

    def get(self, name: str | None, version: str | None) -> RequestedModel:
        """Return the model version asked for.

        Without a version: the newest that a live worker holds, else the newest. Without a name: the only
        model there is. Raises ModelNotFound, or NoModelServed before any worker has come up.
        """
        models = self.all()
        if not models:
            raise NoModelServed("No worker has announced a model yet; start a worker, or wait until it is warm.")
        manifest = _choose_version(_of_name(models, name), version)
        key = (manifest.key, manifest.artifact.sha256)
        found = self._schemas.get(key)
        if found is None:
            found = self._schemas[key] = RequestedModel(manifest, FeatureSchema(manifest))
        return found


def _of_name(models: list[ServedModel], name: str | None) -> list[ServedModel]:
    names = {model.manifest.name for model in models}
    if name is None:
        # A model that was renamed is still known, but no longer served.
        offered = {model.manifest.name for model in models if model.is_ready} or names
        if len(offered) > 1:
            raise ModelNotFound(
                f"Several models are served; name one of them in `model`: {', '.join(sorted(offered))}."
            )
        (name,) = offered
    if name not in names:
        raise ModelNotFound(f"There is no model {name[:64]!r}{suggest(name, names)}.")
    return [model for model in models if model.manifest.name == name]


def _choose_version(models: list[ServedModel], version: str | None) -> ModelManifest:
    if version is None:
        return next((model for model in models if model.is_ready), models[0]).manifest
    for model in models:
        if model.manifest.version == version:
            return model.manifest
    known = ", ".join(model.manifest.version for model in models)
    raise ModelNotFound(f"{models[0].manifest.name} has no version {version[:64]!r}; it has {known}.")
