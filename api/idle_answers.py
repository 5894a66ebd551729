"""Ends connections whose client takes no more of its answer.

The kernel sees that, and granian does not: it waits for ever, with its buffers and the thread that gives the answer.
"""

import socket
import threading
import time
from pathlib import Path

#: How often a process looks whether the server has opened its socket.
_LOOK_SECONDS = 0.05


def end_idle_answers(seconds: float) -> None:
    """Have every connection ended whose client takes nothing for so long, although there is something for it.

    granian opens its socket once the application is loaded, and shows it to nobody; so a thread waits for it.
    """
    threading.Thread(target=_wait_for_server, args=(seconds,), name="idle-answers", daemon=True).start()


def _wait_for_server(seconds: float) -> None:
    while not limit_listeners(seconds):
        time.sleep(_LOOK_SECONDS)


def limit_listeners(seconds: float) -> int:
    """Set the limit on every TCP socket on which this process listens; connections inherit it. Returns how many."""
    return sum(_limit_listener(int(path.name), int(seconds * 1000)) for path in Path("/proc/self/fd").iterdir())


def _limit_listener(descriptor: int, milliseconds: int) -> bool:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        # No socket, or closed meanwhile.
        return False
    try:
        listens = sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getsockopt(
            socket.SOL_SOCKET, socket.SO_ACCEPTCONN
        )
        if listens:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        return bool(listens)
    finally:
        # It is not ours to close.
        sock.detach()
