"""Blueprint: is this process alive, and can a job be answered right now?"""

import threading
import time
from collections.abc import Callable

from flask import Blueprint, Response

from api.problems import RETRY_AFTER_SECONDS, problem_response
from api.representations import json_response
from shared.broker import Broker
from shared.errors import DependencyError, NoModelServed, NoWorkerAlive
from shared.queues import Lane
from shared.registry import Registry

#: How long a finding is kept, so that probes cost nothing. A server that does not answer is asked again sooner; what is
#: missing although both answer costs little to look for, and is looked for each time: it is about to come up.
CACHE_SECONDS = 2.0
FAULT_CACHE_SECONDS = 0.5
#: How long the store and the broker may take to answer a probe. They are asked once, without retries.
PROBE_SECONDS = 1.0


class Readiness:
    """Finds out what stands between a request and its answer.

    broker, registry: on clients that do not try again and give up after PROBE_SECONDS.
    """

    def __init__(self, broker: Broker, registry: Registry, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._look_again_at = float("-inf")
        self._fault: DependencyError | None = None

    def find_fault(self) -> DependencyError | None:
        """Return why no job can be answered right now, or None. Probes that come together share one look."""
        with self._lock:
            if self._clock() >= self._look_again_at:
                self._fault = self._look()
                self._look_again_at = self._clock() + _seconds_to_keep(self._fault)
            return self._fault

    def _look(self) -> DependencyError | None:
        try:
            workers = self._registry.live_workers(Lane.INTERACTIVE)
            self._broker.check()
            models = self._registry.served_models()
        except DependencyError as error:
            return error
        if not workers:
            return NoWorkerAlive("No worker is alive; jobs are accepted and wait for one.")
        return None if models else NoModelServed("No worker has announced a model yet.")


def _seconds_to_keep(fault: DependencyError | None) -> float:
    if fault is None:
        return CACHE_SECONDS
    return 0.0 if isinstance(fault, NoWorkerAlive | NoModelServed) else FAULT_CACHE_SECONDS


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
