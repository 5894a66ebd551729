"""What a process does about the death of its parent."""

import ctypes
import os
import signal
import sys
import threading
import time

#: A process looks so often whether it still has its parent.
_LOOK_SECONDS = 0.5
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def end_with_parent(parent_pid: int | None = None) -> None:
    """Ask Linux to terminate this process when its parent dies without a chance to do so itself.

    parent_pid: the parent, where it is known; if it has died already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if parent_pid is not None and parent_pid != os.getppid():
        os.kill(os.getpid(), signal.SIGTERM)


def follow_parent(parent_pid: int, grace_seconds: int) -> None:
    """Terminate this process when its parent has died, and kill it so many seconds later if it is still there.

    For a process that handles SIGTERM, and could stand still in doing so. Call it in the main thread.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    threading.Thread(target=_wait_for_end, args=(parent_pid, grace_seconds), name="parent", daemon=True).start()


def _wait_for_end(parent_pid: int, grace_seconds: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_LOOK_SECONDS)
    # The alarm comes first, and is the kernel's: a handler that stands still may never let a thread of ours run again.
    signal.alarm(grace_seconds)
    os.kill(os.getpid(), signal.SIGTERM)
