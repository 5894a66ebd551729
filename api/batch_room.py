"""Whether there is room for one more file; asked before it is read, because a file may be long."""

from api.callers import current_caller
from api.refusals import Overloaded
from api.request_headers import RequestHeaders
from api.terms import name_key
from shared.batch_store import BatchStore
from shared.settings import Settings

#: Nobody is told to come back later than this.
LONGEST_SECONDS = 300.0


class BatchRoom:
    """Refuses files that would wait too long. Files that come at the same moment do not see each other."""

    def __init__(self, batches: BatchStore, settings: Settings) -> None:
        self._batches = batches
        self._limit_seconds = settings.max_batch_queue_seconds

    def require(self, headers: RequestHeaders, *, deadline_seconds: float) -> None:
        """Raise Overloaded when the work ahead takes longer than the settings or the file's own deadline allow.

        Not for a file that was accepted before, under the same idempotency key.
        Raises RequestMalformed for a key that is none, and StoreUnavailable.
        """
        if not self._limit_seconds:
            return
        key = headers.get("Idempotency-Key")
        name = name_key(key, owner=current_caller().owner) if key is not None else ""
        wait = self._batches.find_wait_seconds(name)
        limit = min(self._limit_seconds, deadline_seconds)
        if wait is not None and wait > limit:
            raise Overloaded(min(wait - limit, LONGEST_SECONDS))
