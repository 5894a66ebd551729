"""The limits: the same file scored in a process of its own, without a service. No code of the service is used here.

`append` cuts blocks at record ends, parses the feature columns only, and appends the answer to each record's own bytes.
`pyarrow` reads the file, predicts, and writes it. `predict` does nothing but predict rows that are in memory already.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv
from threadpoolctl import threadpool_limits

from benchmarks.people_file import COLUMNS, FEATURE_COLUMNS, array_bytes
from benchmarks.warm_process import answer_orders

BLOCK_BYTES = 4 << 20
#: Rows of one call of the model, about what a block holds.
BLOCK_ROWS = 100_000
STATUS_COLUMNS = ("row_status", "error_code", "error_message")
_NEWLINE, _QUOTE = b"\n"[0], b'"'[0]
_NUMBERS = dict.fromkeys(FEATURE_COLUMNS, pa.float64())


def find_middle(path: Path) -> int:
    """Return where a record begins, about in the middle of the file."""
    middle = path.stat().st_size // 2
    quotes = 0
    with path.open("rb") as file:
        while (left := middle - file.tell()) > 0:
            quotes += file.read(min(left, BLOCK_BYTES)).count(b'"')
        while True:
            quotes += file.readline().count(b'"')
            if quotes % 2 == 0:
                return file.tell()


def read_blocks(path: Path, start: int, stop: int) -> Iterator[tuple[bytes, NDArray[np.int64]]]:
    """Yield blocks of whole records, and where in the block each record ends."""
    rest = b""
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(min(BLOCK_BYTES, stop - file.tell())):
            block = rest + piece
            codes = np.frombuffer(block, np.uint8)
            newlines, quotes = np.flatnonzero(codes == _NEWLINE), np.flatnonzero(codes == _QUOTE)
            ends = newlines[np.searchsorted(quotes, newlines) & 1 == 0]
            yield block[: ends[-1] + 1], ends
            rest = block[ends[-1] + 1 :]


def parse_features(block: bytes) -> NDArray[np.float64]:
    """Return the features of every record, shape (rows, 3)."""
    table = csv.read_csv(
        pa.BufferReader(block),
        read_options=csv.ReadOptions(column_names=COLUMNS, use_threads=False, block_size=len(block) + 1),
        convert_options=csv.ConvertOptions(include_columns=FEATURE_COLUMNS, column_types=_NUMBERS),
    )
    return np.column_stack([column.to_numpy() for column in table.columns])


def read_features(path: Path) -> NDArray[np.float64]:
    """Return the features of a whole file."""
    blocks = read_blocks(path, len(_header(path)), path.stat().st_size)
    return np.concatenate([parse_features(block) for block, _ends in blocks])


def append_answers(estimator: Any, source: Path, target: Path, *, start: int, stop: int) -> None:
    """Score the records of a byte range; the header is written when the range begins with it."""
    labels = pa.array([label.encode() for label in estimator.classes_], pa.binary())
    with target.open("wb") as file:
        if start == 0:
            header = _header(source)
            file.write(header.rstrip(b"\n") + ("," + ",".join(added_columns(estimator))).encode() + b"\n")
            start = len(header)
        for block, ends in read_blocks(source, start, stop):
            probabilities = estimator.predict_proba(parse_features(block))
            # Each record but the first has the newline of the one before it in front, so nothing is copied.
            offsets = np.append(np.int32(0), ends.astype(np.int32))
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
            records = pa.Array.from_buffers(pa.binary(), len(ends), buffers)
            texts = [pa.array(column).cast(pa.string()).cast(pa.binary()) for column in probabilities.T]
            best = labels.take(pa.array(probabilities.argmax(axis=1)))
            file.write(array_bytes(pc.binary_join_element_wise(records, best, *texts, b"ok,,", b",")))
            file.write(b"\n")


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def rewrite(estimator: Any, source: Path, target: Path) -> None:
    """Read, predict and write with pyarrow's defaults, as in a script of ten lines."""
    table = csv.read_csv(source)
    features = np.column_stack([table[name].to_numpy() for name in FEATURE_COLUMNS])
    probabilities = estimator.predict_proba(features)
    best = estimator.classes_[probabilities.argmax(axis=1)]
    answers = [best, *probabilities.T, *(np.full(len(best), text) for text in ("ok", "", ""))]
    for name, column in zip(added_columns(estimator), answers, strict=True):
        table = table.append_column(name, pa.array(column))
    csv.write_csv(table, target)


def predict_only(estimator: Any, features: NDArray[np.float64]) -> None:
    """Ask the model about every row, a block at a time."""
    for first in range(0, len(features), BLOCK_ROWS):
        estimator.predict_proba(features[first : first + BLOCK_ROWS])


def added_columns(estimator: Any) -> list[str]:
    """Return the names of the columns that follow the input's own."""
    return ["prediction", *(f"probability_{label}" for label in estimator.classes_), *STATUS_COLUMNS]


def _prepare(mode: str, estimator: Any, source: Path, target: Path) -> Callable[[str], None]:
    """Return what an order does; an order of `append` is a byte range."""
    if mode == "rewrite":
        return lambda _order: rewrite(estimator, source, target)
    threadpool_limits(1)
    if mode == "predict":
        features = read_features(source)
        return lambda _order: predict_only(estimator, features)

    def append(order: str) -> None:
        start, stop = map(int, order.split())
        append_answers(estimator, source, target, start=start, stop=stop)

    return append


def main() -> None:
    """Arguments: mode, artifact, a small file to get warm with, the file, and where the results go."""
    mode, *paths = sys.argv[1:]
    artifact, sample, source, target = map(Path, paths)
    estimator = joblib.load(artifact)
    _prepare(mode, estimator, sample, target)(f"0 {sample.stat().st_size}")
    answer_orders(_prepare(mode, estimator, source, target))


if __name__ == "__main__":
    main()
