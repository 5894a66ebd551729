"""ListTrimmer: keeps the lists of jobs as long as the records that they name, and no longer."""

from redis import Redis

from shared.job_store import store_errors
from shared.redis_client import Script, read_scripts
from shared.settings import Settings

#: Jobs that one script looks at: it bounds the time for which it holds the server.
TRIM_JOBS = 2_000
#: Scripts in one go, so that a backlog does not keep the sweeper from what is more urgent.
TRIM_SCRIPTS = 20


class ListTrimmer:
    """Takes jobs out of their owners' lists once their records are gone.

    A list goes as a whole when no job of it can be open or kept any more: a deadline and a retention after it began.
    Most jobs are done, and gone, long before.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._root = settings.key_root
        self._trim = Script(redis, read_scripts({"trim_lists": True}, "record")["trim_lists"])

    def run(self) -> None:
        """Look once at the lists that are due; raises StoreUnavailable."""
        for _ in range(TRIM_SCRIPTS):
            with store_errors():
                left: int = self._trim(keys=[self._root], args=[TRIM_JOBS])
            if left > 0:
                return
