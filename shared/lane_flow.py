"""LaneFlow: how far the workers have come in queues that nobody can look into."""

import time
from collections.abc import Callable

from redis import Redis

from shared.job_store import store_errors
from shared.queues import Lane
from shared.redis_client import Script, read_scripts
from shared.settings import Settings

#: Messages are counted together for so long; the last full window and the one under way are believed.
WINDOW_SECONDS = 5
_KEPT_SECONDS = 6 * WINDOW_SECONDS


class LaneFlow:
    """Workers note when the messages that they receive were enqueued; the oldest of the last seconds tells.

    Not the newest: a queue that keeps its order only roughly may give away a young message before thousands of old
    ones, and they must not all count as lost.
    """

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._root = settings.key_root
        self._clock = clock
        # A full store must not hinder those who work on what it has accepted.
        self._note = Script(redis, read_scripts({"received": True})["received"])
        #: Window and oldest time that this process has noted in it, so that it writes about once in a window.
        self._noted: dict[Lane, tuple[int, float]] = {}

    def note(self, lane: Lane, sent_at: float) -> None:
        """Note a message that was received; raises StoreUnavailable."""
        window = self._window()
        noted_window, oldest = self._noted.get(lane, (0, 0.0))
        if window == noted_window and sent_at >= oldest:
            return
        key = self._key(lane, window)
        with store_errors():
            self._note(keys=[key], args=[sent_at, _KEPT_SECONDS])
        self._noted[lane] = window, sent_at

    def find_oldest(self, lane: Lane) -> float | None:
        """Return when the oldest message received in the last seconds was enqueued; None if none was received."""
        window = self._window()
        with store_errors(), self._redis.pipeline(transaction=False) as pipeline:
            for one in (window - 1, window):
                pipeline.zscore(self._key(lane, one), "oldest")
            scores = pipeline.execute()
        return min((float(score) for score in scores if score is not None), default=None)

    def _window(self) -> int:
        return int(self._clock() // WINDOW_SECONDS)

    def _key(self, lane: Lane, window: int) -> str:
        return f"{self._root}received:{lane.value}:{window}"
