"""Random bytes of the operating system, fetched in advance.

Each call of the system lets go of the interpreter's lock, which costs a busy process two changes of thread.
"""

import os
from collections import deque

PIECE_BYTES = 16
_PIECES_AT_ONCE = 256

#: Taking one is a single operation, so no two threads get the same. Each server process is started anew, or forked
#: before this is filled.
_pieces: deque[bytes] = deque()
os.register_at_fork(after_in_child=_pieces.clear)


def random_bytes() -> bytes:
    """Return 16 bytes that nobody can foretell."""
    try:
        return _pieces.pop()
    except IndexError:
        fresh = os.urandom(PIECE_BYTES * _PIECES_AT_ONCE)
        _pieces.extend(fresh[start : start + PIECE_BYTES] for start in range(PIECE_BYTES, len(fresh), PIECE_BYTES))
        return fresh[:PIECE_BYTES]
