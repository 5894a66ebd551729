"""Birth and death of a worker process: what runs beside Celery's event loop."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Any

from celery import Celery, bootsteps

from shared.errors import DependencyError
from shared.manifest import ModelManifest
from shared.queues import Lane
from shared.registry import HEARTBEAT_SECONDS, Registry
from worker.health import WRITE_SECONDS, HealthFile

log = logging.getLogger(__name__)


class Presence:
    """Announces a worker and its models for as long as it lives."""

    def __init__(self, registry: Registry, lanes: Sequence[Lane], manifests: Sequence[ModelManifest]) -> None:
        self._registry = registry
        self._lanes = lanes
        self._manifests = manifests
        self.worker_id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="presence", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                self._registry.announce(self.worker_id, self._lanes, self._manifests)
            except DependencyError as error:
                log.warning("presence not announced", extra={"detail": error.detail})
            if self._stopping.wait(HEARTBEAT_SECONDS):
                return

    def stop(self) -> None:
        """Say goodbye, so that nobody counts on a worker that drains."""
        self._stopping.set()
        try:
            self._registry.withdraw(self.worker_id)
        except DependencyError as error:
            log.warning("presence not withdrawn, it runs out by itself", extra={"detail": error.detail})


def follow_lifecycle(celery: Celery, health: HealthFile | None, companions: Sequence[Any]) -> None:
    """Start the companions when the worker starts to consume, and stop them when it has drained.

    companions: objects with `start` and, if there is something to end, `stop`.
    """
    followers = [*companions, *([health] if health else [])]

    class CompanionStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types.
        """Runs in the event loop: what it writes shows that the loop turns."""

        requires = ("celery.worker.components:Timer", "celery.worker.components:Hub")

        def start(self, worker: Any) -> None:
            for companion in followers:
                companion.start()
            if health is not None:
                worker.timer.call_repeatedly(WRITE_SECONDS, health.write)

        def stop(self, _worker: Any) -> None:
            for companion in followers:
                getattr(companion, "stop", lambda: None)()

    celery.steps["worker"].add(CompanionStep)
