"""Registry: which workers are alive, in which lanes, and which model versions they serve."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from redis import Redis

from shared.errors import ManifestInvalid
from shared.job_store import store_errors
from shared.manifest import ModelManifest, version_order
from shared.queues import Lane
from shared.redis_client import Argument, Script, read_scripts
from shared.settings import Settings

log = logging.getLogger(__name__)

#: A worker that has not been heard of for so long counts as dead.
ALIVE_SECONDS = 10.0
#: How often a worker says that it lives.
HEARTBEAT_SECONDS = 2.0
#: A model that no worker has served for so long is no longer offered.
REMEMBERED_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One model version that a worker has announced."""

    manifest: ModelManifest
    #: A live worker holds it now.
    is_ready: bool


class Registry(Protocol):
    """Every operation raises StoreUnavailable when the store does not answer."""

    def announce(self, worker_id: str, lanes: Sequence[Lane], manifests: Sequence[ModelManifest]) -> None:
        """Say that a worker lives, takes these lanes and serves these models; it holds for ALIVE_SECONDS."""

    def withdraw(self, worker_id: str) -> None:
        """Say that a worker stops."""

    def served_models(self) -> list[ServedModel]:
        """Return every announced model version, by name, the newest version first."""

    def live_workers(self, lane: Lane) -> int:
        """Return how many workers of this lane are alive."""


class RedisRegistry:
    """Registry beside the job records; liveness goes by this server's clock."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._root = root = settings.key_root
        # A worker that cannot say that it lives would count as dead while the server has no memory left.
        self._announce = Script(redis, read_scripts({"announce": True}, "record")["announce"])
        self._manifests = f"{root}models"
        self._served = f"{root}served"
        self._workers = {lane: f"{root}workers:{lane.value}" for lane in Lane}

    def _now(self) -> float:
        seconds, microseconds = self._redis.time()
        return float(seconds + microseconds / 1e6)

    def announce(self, worker_id: str, lanes: Sequence[Lane], manifests: Sequence[ModelManifest]) -> None:
        arguments: list[Argument] = [worker_id, ALIVE_SECONDS, len(lanes), *(lane.value for lane in lanes)]
        for manifest in manifests:
            arguments += [manifest.key, manifest.model_dump_json()]
        with store_errors():
            self._announce(keys=[self._root], args=arguments)

    def withdraw(self, worker_id: str) -> None:
        with store_errors(), self._redis.pipeline(transaction=True) as pipeline:
            for key in self._workers.values():
                pipeline.zrem(key, worker_id)
            pipeline.execute()

    def served_models(self) -> list[ServedModel]:
        with store_errors():
            now = self._now()
            documents = self._redis.hgetall(self._manifests)
            live = set(self._redis.zrangebyscore(self._served, now, "+inf"))
            known = set(self._redis.zrangebyscore(self._served, now - REMEMBERED_SECONDS, "+inf"))
        models = [
            ServedModel(manifest, key in live)
            for key, document in documents.items()
            if key in known and (manifest := _find_manifest(document, key)) is not None
        ]
        models.sort(key=lambda model: version_order(model.manifest.version), reverse=True)
        return sorted(models, key=lambda model: model.manifest.name)

    def live_workers(self, lane: Lane) -> int:
        with store_errors():
            return int(self._redis.zcount(self._workers[lane], self._now(), "+inf"))


def _find_manifest(document: bytes | str, key: bytes | str) -> ModelManifest | None:
    """Return the manifest, or None when a worker of another release wrote something we cannot read."""
    try:
        return ModelManifest.decode(document, origin=f"announced model {key!r}")
    except ManifestInvalid as error:
        log.warning("announced model ignored", extra={"detail": error.detail})
        return None
