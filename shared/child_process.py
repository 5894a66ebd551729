"""What a process does about the death of its parent."""

import ctypes
import os
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def end_with_parent(parent_pid: int | None = None) -> None:
    """Ask Linux to terminate this process when its parent dies without a chance to do so itself.

    parent_pid: the parent, where it is known; if it has died already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if parent_pid is not None and parent_pid != os.getppid():
        os.kill(os.getpid(), signal.SIGTERM)
