"""Blueprint: is this process alive, and can a job be answered right now?"""

import threading
import time
from collections.abc import Callable

from flask import Blueprint, Response

from api.problems import RETRY_AFTER_SECONDS, problem_response
from api.representations import json_response
from api.served_models import ServedModels
from shared.broker import Broker
from shared.errors import DependencyError, NoModelServed, NoWorkerAlive
from shared.queues import Lane
from shared.registry import Registry

#: How long "ready" is believed, so that probes cost nothing. A fault is looked at again each time.
CACHE_SECONDS = 1.0


class Readiness:
    """Finds out what stands between a request and its answer."""

    def __init__(
        self, broker: Broker, registry: Registry, models: ServedModels, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broker = broker
        self._registry = registry
        self._models = models
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._fault: DependencyError | None = None

    def find_fault(self) -> DependencyError | None:
        """Return why no job can be answered right now, or None."""
        with self._lock:
            if self._fault is not None or self._clock() - self._looked_at > CACHE_SECONDS:
                self._fault = self._look()
                self._looked_at = self._clock()
            return self._fault

    def _look(self) -> DependencyError | None:
        try:
            workers = self._registry.live_workers(Lane.INTERACTIVE)
            self._broker.check()
            models = self._models.all()
        except DependencyError as error:
            return error
        if not workers:
            return NoWorkerAlive("No worker is alive; jobs are accepted and wait for one.")
        return None if models else NoModelServed("No worker has announced a model yet.")


def make_health_blueprint(readiness: Readiness) -> Blueprint:
    """Return the probes."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/livez")
    def live() -> Response:
        return json_response({"status": "alive"})

    @blueprint.get("/readyz")
    def ready() -> Response:
        fault = readiness.find_fault()
        if fault is None:
            return json_response({"status": "ready"})
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return problem_response(503, fault.code, fault.detail, retryable=True, headers=headers)

    return blueprint
