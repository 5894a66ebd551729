"""How a worker shares the processors of its machine with the other processes there."""

import os
from collections.abc import Sequence

from shared.queues import Lane

#: A person waits for a prediction; a file can wait. With it, the scheduler of Linux gives a process that competes with
#: an ordinary one about a tenth of a processor (sched(7): each step of nice changes the share by a factor of 1.25).
BULK_NICENESS = 10


def yield_processors(lanes: Sequence[Lane]) -> None:
    """Let ordinary processes go first when this worker takes nothing but files; all its threads inherit it."""
    if set(lanes) == {Lane.BULK}:
        os.setpriority(os.PRIO_PROCESS, 0, max(BULK_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
