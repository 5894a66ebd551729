"""How a worker treats memory: what a block of a file took stays with the process for the next block."""

import ctypes
from contextlib import suppress

#: The parameters of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
#: The largest that glibc takes: a buffer of a block is smaller, so that it comes from the heap.
_MMAP_BYTES = 32 << 20
#: Free memory at the end of the heap that is not given back: about what the buffers of a block take together.
_KEPT_BYTES = 128 << 20


def keep_freed_memory() -> None:
    """Let the C library keep freed buffers; each block would otherwise take its pages anew, one fault after another.

    Elsewhere than with glibc nothing is changed. What is kept is no more than what was in use before.
    """
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _MMAP_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
