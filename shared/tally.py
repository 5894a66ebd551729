"""Tally: what one process counts, as numbers in memory that others may read while it counts."""

import struct
import threading
from bisect import bisect_left

import orjson

from shared.metrics import BY_NAME, Metric, Series, Totals

#: Memory of a tally: first the series that it has, then their numbers. Labels carry nothing from outside, so that
#: their number is known; a third of this would do.
TABLE_BYTES = 65_536
CELLS = 8_192
TALLY_BYTES = TABLE_BYTES + 8 * CELLS

_LENGTH = struct.Struct("Q")


class Counter:
    """One number that only grows."""

    __slots__ = ("_cells", "_lock", "cell")

    def __init__(self, cells: "memoryview[float]", cell: int, lock: threading.Lock) -> None:
        self._cells, self.cell, self._lock = cells, cell, lock

    def add(self, amount: float = 1.0) -> None:
        """Count."""
        with self._lock:
            self._cells[self.cell] += amount


class Histogram:
    """How often values fell between bounds, and their sum."""

    __slots__ = ("_bounds", "_cells", "_first", "_lock", "_sum")

    def __init__(self, cells: "memoryview[float]", first: int, lock: threading.Lock, bounds: tuple[float, ...]) -> None:
        self._cells, self._first, self._lock, self._bounds = cells, first, lock, bounds
        self._sum = first + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Count a value; one that equals a bound lies below it."""
        cell = self._first + bisect_left(self._bounds, value)
        with self._lock:
            self._cells[cell] += 1.0
            self._cells[self._sum] += value

    def observe_with(self, counter: Counter, value: float) -> None:
        """Count a value here and one in a counter of the same tally, for the price of one lock."""
        cell, cells = self._first + bisect_left(self._bounds, value), self._cells
        with self._lock:
            cells[cell] += 1.0
            cells[self._sum] += value
            cells[counter.cell] += 1.0


class Tally:
    """The series of one process, each of them there once it was asked for. Thread-safe.

    memory: TALLY_BYTES of zeros, or the memory of a tally whose process has ended, which this one continues; without
    it, memory that nobody else can read.
    """

    def __init__(self, memory: memoryview | None = None) -> None:
        self._memory = memoryview(bytearray(TALLY_BYTES)) if memory is None else memory
        self._cells = self._memory[TABLE_BYTES:].cast("d")
        self._lock = threading.Lock()
        self._first, self._free = _read_table(self._memory)

    def counter(self, metric: Metric, *labels: str) -> Counter:
        """Return the counter of a series."""
        return Counter(self._cells, self._find_first(metric, labels), self._lock)

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        """Return the histogram of a series."""
        return Histogram(self._cells, self._find_first(metric, labels), self._lock, metric.bounds)

    def totals(self) -> Totals:
        """Return what has been counted so far."""
        return read_totals(self._memory)

    def _find_first(self, metric: Metric, labels: tuple[str, ...]) -> int:
        """Return the first cell of a series, which gets its place if it has none."""
        assert len(labels) == len(metric.labels), f"{metric.name} has the labels {metric.labels}"
        series = (metric.name, *labels)
        with self._lock:
            first = self._first.get(series)
            if first is None:
                first = self._first[series] = self._append(series, len(metric.cells))
            return first

    def _append(self, series: Series, size: int) -> int:
        (used,) = _LENGTH.unpack_from(self._memory)
        line = orjson.dumps(series) + b"\n"
        start = _LENGTH.size + used
        if start + len(line) > TABLE_BYTES or self._free + size > CELLS:
            raise MemoryError("more series of metrics than there is room for: a label takes values from outside")
        self._memory[start : start + len(line)] = line
        # Only now, so that a reader never sees half of a line.
        _LENGTH.pack_into(self._memory, 0, used + len(line))
        first, self._free = self._free, self._free + size
        return first


def read_totals(memory: memoryview) -> Totals:
    """Return the numbers of a tally, whoever counts there."""
    first_of, _ = _read_table(memory)
    cells = memory[TABLE_BYTES:].cast("d")
    sizes = {series: len(BY_NAME[series[0]].cells) for series in first_of}
    return {series: list(cells[first : first + sizes[series]]) for series, first in first_of.items()}


def _read_table(memory: memoryview) -> tuple[dict[Series, int], int]:
    """Return the first cell of each series, and the first that belongs to none."""
    (used,) = _LENGTH.unpack_from(memory)
    found: dict[Series, int] = {}
    free = 0
    for line in bytes(memory[_LENGTH.size : _LENGTH.size + used]).splitlines():
        series = tuple(orjson.loads(line))
        found[series] = free
        free += len(BY_NAME[series[0]].cells)
    return found, free
