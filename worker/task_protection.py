"""Task scale-in protection: on ECS, a worker in the middle of a file is not chosen when capacity is taken away.

The agent of the ECS task answers on `$ECS_AGENT_URI/task-protection/v1/state`. It protects against scale-in and
deployments, not against an interrupted Spot instance.
"""

import logging
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

import orjson

from worker.activity import Activity

log = logging.getLogger(__name__)

#: A worker that has been idle for so long may be taken away.
IDLE_SECONDS = 60.0
#: Protection runs out by itself, so that a worker that is stuck cannot hold its place for ever; 1 to 2880.
PROTECTED_MINUTES = 60
_RENEW_SECONDS = PROTECTED_MINUTES * 60 / 2
_LOOK_SECONDS = 1.0
#: An agent that failed is asked again after this.
_RETRY_SECONDS = 30.0
_ANSWER_SECONDS = 5.0


class TaskProtection:
    """One background thread of a worker. An agent that fails costs a warning, never a job."""

    def __init__(self, agent_uri: str, activity: Activity, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = f"{agent_uri.rstrip('/')}/task-protection/v1/state"
        self._activity = activity
        self._clock = clock
        self._is_protected = False
        self._renew_at = self._retry_at = float("-inf")
        self._stopping = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="task-protection", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Ask the agent for what is wanted, unless it is so already."""
        activity, now = self._activity, self._clock()
        is_wanted = activity.is_busy or (activity.has_begun and activity.idle_seconds < IDLE_SECONDS)
        is_so = is_wanted == self._is_protected and (not is_wanted or now < self._renew_at)
        if is_so or now < self._retry_at:
            return
        try:
            self._put(is_wanted)
        except (OSError, HTTPException) as error:
            log.warning("task protection not changed", extra={"wanted": is_wanted, "detail": str(error)})
            self._retry_at = now + _RETRY_SECONDS
            return
        self._is_protected, self._renew_at = is_wanted, now + _RENEW_SECONDS

    def _put(self, is_wanted: bool) -> None:
        state = {"ProtectionEnabled": is_wanted} | ({"ExpiresInMinutes": PROTECTED_MINUTES} if is_wanted else {})
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url, orjson.dumps(state), headers, method="PUT")
        with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):
            pass
