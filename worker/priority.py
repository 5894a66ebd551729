"""How a worker shares the processors of its machine with the other processes there."""

import os
from collections.abc import Sequence

from shared.queues import Lane

#: A person waits for a prediction; a file can wait. With it, the scheduler of Linux gives a process that competes with
#: an ordinary one about a tenth of a processor (sched(7): each step of nice changes the share by a factor of 1.25).
BULK_NICENESS = 10


class Priority:
    """Lets ordinary processes go first when this worker takes nothing but files.

    Only once it is ready: on a busy machine a worker that starts at a low priority takes many times as long to start.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._is_low = set(lanes) == {Lane.BULK}

    def start(self) -> None:
        """Lower the priority of the calling thread, the one that predicts; threads that it starts inherit it."""
        if self._is_low:
            os.setpriority(os.PRIO_PROCESS, 0, max(BULK_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
