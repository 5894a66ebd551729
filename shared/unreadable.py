"""What cannot be read, because it is of another shape than this process knows: told by its name, and never quoted."""

from collections.abc import Iterator
from contextlib import contextmanager

#: What reading raises then. Lost connections are OSError or RedisError, and are no such.
MISSHAPEN = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class RecordUnreadable(Exception):
    """Raised when a record in the store cannot be read: another release wrote it, or somebody else did."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise RecordUnreadable for what cannot be read in the block. what: such as `batch bat_1`."""
    try:
        yield
    except MISSHAPEN:
        # Without its cause, whose text may quote the record.
        raise RecordUnreadable(f"the record of {what} cannot be read") from None
