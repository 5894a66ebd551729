"""Find the rows that kill workers: each attempt at a chunk writes down what it is about to predict.

The first attempt predicts whole blocks. A later one knows where the one before it died, and cuts that range into
smaller ones, until a single row stands alone; that row gets an error, and its neighbors their predictions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import orjson

from shared.batch_store import BatchStore

#: A deadly range is cut into so many at the next attempt.
CUTS = 16
#: Deaths with a single row in hand before it is given up: the first may have had another cause, such as a machine that
#: went down.
LONE_DEATHS = 2


@dataclass(frozen=True, slots=True)
class RowRange:
    """Rows of a chunk, counted from its first; `stop` is not among them."""

    start: int
    stop: int


@dataclass(slots=True)
class Suspects:
    """What earlier attempts at one chunk died of, and what this one is about to do."""

    batches: BatchStore
    batch_id: str
    index: int
    deadly: list[RowRange] = field(default_factory=list)

    @classmethod
    def read(cls, batches: BatchStore, batch_id: str, index: int) -> Self:
        """Read the notes of earlier attempts: what was in hand when the last one died is deadly."""
        text = batches.find_notes(batch_id, index)
        notes = orjson.loads(text) if text else {"deadly": [], "in_hand": None}
        ranges = [*notes["deadly"], *([notes["in_hand"]] if notes["in_hand"] else [])]
        return cls(batches, batch_id, index, [RowRange(*one) for one in ranges])

    def take(self, rows: RowRange) -> None:
        """Write down which rows are predicted next."""
        self._write(in_hand=[rows.start, rows.stop])

    def release(self) -> None:
        """Write down that no row is in hand: what dies now did not die of one."""
        self._write(in_hand=None)

    def _write(self, in_hand: list[int] | None) -> None:
        notes = {"deadly": [[one.start, one.stop] for one in self.deadly], "in_hand": in_hand}
        self.batches.write_notes(self.batch_id, self.index, orjson.dumps(notes))

    def cut(self, rows: RowRange) -> Iterator[RowRange]:
        """Yield ranges that cover `rows`, small where an earlier attempt died."""
        cuts = {rows.start, rows.stop}
        for one in self.deadly:
            step = max(1, -(-(one.stop - one.start) // CUTS))
            cuts |= {cut for cut in (*range(one.start, one.stop, step), one.stop) if rows.start < cut < rows.stop}
        points = sorted(cuts)
        yield from (RowRange(*pair) for pair in pairwise(points))

    def is_deadly(self, rows: RowRange) -> bool:
        """Say whether this single row has killed workers by itself."""
        return rows.stop - rows.start == 1 and self.deadly.count(rows) >= LONE_DEATHS


def forgive(batches: BatchStore, batch_id: str, index: int) -> None:
    """Write down that no row is in hand: this attempt at a chunk ends for another reason than its rows."""
    notes = batches.find_notes(batch_id, index)
    if notes is not None:
        batches.write_notes(batch_id, index, orjson.dumps(orjson.loads(notes) | {"in_hand": None}))
