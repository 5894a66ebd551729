"""Progress: notices a worker that takes nothing although messages wait for it."""

import time
from collections.abc import Callable, Sequence

from shared.broker import Broker
from shared.errors import BrokerUnavailable
from shared.queues import Lane
from worker.activity import Activity


class Progress:
    """Looks at the queues from the side, because a consumer that is stuck cannot tell so itself."""

    def __init__(
        self, broker: Broker, lanes: Sequence[Lane], activity: Activity, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broker = broker
        self._lanes = lanes
        self._activity = activity
        self._clock = clock
        self._waiting_since: float | None = None
        #: The broker did not answer at the last look; its consumer waits for it too, and is not to blame.
        self.is_broker_away = False

    def look(self) -> None:
        """See whether a message waits. A broker that cannot tell counts as an empty queue."""
        try:
            oldest = self._broker.oldest_messages()
        except BrokerUnavailable:
            self.is_broker_away, self._waiting_since = True, None
            return
        self.is_broker_away = False
        if all(oldest.get(lane) is None for lane in self._lanes):
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = self._clock()

    @property
    def stalled_seconds(self) -> float:
        """For how long this worker has had nothing in hand while at each look a message waited."""
        if self._waiting_since is None:
            return 0.0
        return min(self._clock() - self._waiting_since, self._activity.idle_seconds)
