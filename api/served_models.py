"""Which models can be asked for, from what the workers announce; read at most once a second."""

import threading
import time
from collections.abc import Callable

from api.greenlets import call_blocking
from shared.errors import ModelNotFound, NoModelServed, StoreUnavailable
from shared.feature_schema import FeatureSchema, suggest
from shared.jobs import ModelRef
from shared.manifest import ModelManifest
from shared.registry import Registry, ServedModel

REFRESH_SECONDS = 1.0


class RequestedModel:
    """The model version that a request is for."""

    def __init__(self, manifest: ModelManifest) -> None:
        self.manifest = manifest
        self.schema = FeatureSchema(manifest)
        self.ref = ModelRef(manifest.name, manifest.version, manifest.artifact.sha256)


class _Known:
    """What the registry said at one time."""

    __slots__ = ("found", "models")

    def __init__(self, models: list[ServedModel]) -> None:
        self.models = models
        #: What was found for a name and a version. What does not exist is not kept, for clients could name it for ever.
        self.found: dict[tuple[str | None, str | None], RequestedModel] = {}


class ServedModels:
    """Cache of the registry. While the store is away it goes on with what it knew."""

    def __init__(self, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._known = _Known([])
        self._read_at = float("-inf")
        self._prepared: dict[tuple[str, str], RequestedModel] = {}

    def is_at_hand(self) -> bool:
        """Say whether the models are known, and new enough or just being read."""
        return bool(self._known.models) and (self._is_fresh() or self._lock.locked())

    def _is_fresh(self) -> bool:
        return bool(self._known.models) and self._clock() - self._read_at <= REFRESH_SECONDS

    def all(self) -> list[ServedModel]:
        """Return every announced version, by name, the newest first; raises StoreUnavailable if never read."""
        return self._read_known().models

    def _read_known(self) -> "_Known":
        if not self.is_at_hand():
            # Even a request that never blocks comes here, if they have grown old since it was let on the event loop.
            call_blocking(self._refresh)
        return self._known

    def _refresh(self) -> None:
        # One request reads; the others go on with what is known, and wait only when nothing is.
        if self._lock.acquire(blocking=not self._known.models):
            try:
                self._read()
            finally:
                self._lock.release()

    def _read(self) -> None:
        if self._is_fresh():
            return
        try:
            self._known = _Known(self._registry.served_models())
        except StoreUnavailable:
            if not self._known.models:
                raise
        self._read_at = self._clock()

    def get(self, name: str | None, version: str | None) -> RequestedModel:
        """Return the model version asked for.

        Without a version: the newest that a live worker holds, else the newest. Without a name: the only
        model there is. Raises ModelNotFound, or NoModelServed before any worker has come up.
        """
        known = self._read_known()
        found = known.found.get((name, version))
        if found is None:
            found = known.found[name, version] = self._find(known.models, name, version)
        return found

    def _find(self, models: list[ServedModel], name: str | None, version: str | None) -> RequestedModel:
        if not models:
            raise NoModelServed("No worker has announced a model yet; start a worker, or wait until it is warm.")
        manifest = _choose_version(_of_name(models, name), version)
        key = (manifest.key, manifest.artifact.sha256)
        prepared = self._prepared.get(key)
        if prepared is None:
            prepared = self._prepared[key] = RequestedModel(manifest)
        return prepared


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
