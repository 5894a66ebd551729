"""Whether one more file may come in; asked before it is read, because a file may be long."""

from api.callers import current_caller
from api.rate_limits import RateLimits
from api.refusals import Overloaded, RateLimited
from api.terms import name_key
from shared.batch_store import BatchStore
from shared.settings import Settings

#: Nobody is told to come back later than this.
LONGEST_SECONDS = 300.0


class BatchAdmission:
    """Refuses files of a key that has no request left, and files that would wait too long; takes nothing yet.

    Files that come at the same moment do not see each other.
    """

    def __init__(self, batches: BatchStore, rates: RateLimits, settings: Settings) -> None:
        self._batches = batches
        self._rates = rates
        self._limit_seconds = settings.max_batch_queue_seconds

    def require(self, *, deadline_seconds: float, idempotency_key: str | None = None) -> None:
        """Raise RateLimited, or Overloaded when the work ahead takes longer than the settings or the deadline allow.

        Neither for a file that was accepted before, under the same idempotency key.
        Raises RequestMalformed for a key that is none, and StoreUnavailable.
        """
        caller = current_caller()
        if caller.rate is None and not self._limit_seconds:
            return
        once_key = "" if idempotency_key is None else name_key(idempotency_key, owner=caller.owner)
        if caller.rate is not None and not self._batches.look_at_rate(caller.rate, once_key=once_key):
            raise self.refusal()
        if self._limit_seconds:
            self._require_room(min(self._limit_seconds, deadline_seconds), once_key)

    def _require_room(self, limit_seconds: float, once_key: str) -> None:
        wait_seconds = self._batches.find_wait_seconds(once_key)
        if wait_seconds is not None and wait_seconds > limit_seconds:
            raise Overloaded(min(wait_seconds - limit_seconds, LONGEST_SECONDS))

    def refusal(self) -> RateLimited:
        """Return the refusal of a file whose key has no request left."""
        rate = current_caller().rate
        assert rate is not None
        return self._rates.refusal(rate)
