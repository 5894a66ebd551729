"""Results and errors of a batch as one file: the header and the parts in order, never copied together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.csv_header import UTF8_MARK
from shared.batch_files import errors_key, input_key, result_key
from shared.batch_store import Batch, BatchStore
from shared.batches import ERROR_COLUMNS, STATUS_COLUMNS, Formulas
from shared.csv_text import join_cells
from shared.file_store import FileStore
from shared.formulas import FormulaCells


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of bytes of the whole: either text of ours or a file."""

    size: int
    text: bytes = b""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A file made of pieces."""

    pieces: Sequence[Piece]

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)

    def require_files(self, files: FileStore) -> None:
        """Raise FileMissing when the first file is gone: all are deleted together, after their retention."""
        first = next((piece.key for piece in self.pieces if piece.key and piece.size), None)
        if first is not None:
            files.size(first)

    def read(self, files: FileStore, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`; raises FileMissing before the first byte of a missing file."""
        offset = 0
        for piece in self.pieces:
            low, high = max(start - offset, 0), min(stop - offset, piece.size)
            offset += piece.size
            if low >= high:
                continue
            if piece.key:
                yield from files.read(piece.key, start=low, stop=high)
            else:
                yield piece.text[low:high]


def assemble_results(batch: Batch, batches: BatchStore, files: FileStore) -> Assembled:
    """Return the results as far as they are done without a gap."""
    names = ["prediction", *(f"probability_{label}" for label in batch.spec.classes or ()), *STATUS_COLUMNS]
    pieces = [_header(batch, files, names)]
    for index, part in enumerate(batches.parts(batch.id)):
        pieces.append(Piece(part.result_bytes, key=result_key(batch.id, index, part.token)))
    return Assembled(pieces)


def assemble_errors(batch: Batch, batches: BatchStore, files: FileStore) -> Assembled:
    """Return the rows without a prediction, as far as they are known without a gap."""
    pieces = [_header(batch, files, ERROR_COLUMNS)]
    for index, part in enumerate(batches.parts(batch.id)):
        pieces.append(Piece(part.error_bytes, key=errors_key(batch.id, index, part.token)))
    return Assembled(pieces)


def _header(batch: Batch, files: FileStore, names: Sequence[str]) -> Piece:
    """The header of the input, untouched unless formulas are escaped, and the names of our columns behind it."""
    dialect = batch.spec.layout.dialect
    head = files.read_range(input_key(batch.id), 0, dialect.data_start)
    # Empty lines before the header are no records, and do not come back.
    own = head[: len(UTF8_MARK)] if head.startswith(UTF8_MARK) else b""
    record = head[dialect.header_start :].rstrip(b"\r\n")
    own += FormulaCells(dialect).escape(record) if batch.spec.formulas is Formulas.ESCAPE else record
    text = own + dialect.delimiter.encode() + join_cells(names, dialect) + dialect.newline.encode()
    return Piece(len(text), text=text)
