"""Results and errors of a batch for a client: a whole file or a range of it, packed on the way if it takes that."""

import zlib
from collections.abc import Callable, Iterator

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from api.batch_results import Assembled, assemble_errors, assemble_results
from api.callers import current_caller
from api.owned import OwnedBatches
from shared.batch_store import Batch, BatchStore
from shared.batches import BatchStatus
from shared.errors import BatchGone, FileMissing
from shared.file_store import FileStore

_CSV = "text/csv"
#: A CSV gets little smaller by more work, and the processors have others to serve.
_GZIP_LEVEL = 1
_GZIP_FORMAT = zlib.MAX_WBITS | 16

Assemble = Callable[[Batch, BatchStore, FileStore], Assembled]


class BatchDownloads:
    """The routes that give files."""

    def __init__(self, owned: OwnedBatches, batches: BatchStore, files: FileStore) -> None:
        self._owned = owned
        self._batches = batches
        self._files = files

    def read_results(self, batch_id: str) -> Response:
        return self._send_file(batch_id, "results", assemble_results)

    def read_errors(self, batch_id: str) -> Response:
        return self._send_file(batch_id, "errors", assemble_errors)

    def _send_file(self, batch_id: str, what: str, assemble: Assemble) -> Response:
        """Stream an assembled file; ranges only of one that no longer grows."""
        batch, assembled = self._assemble_consistently(batch_id, assemble)
        is_packed = _wants_gzip()
        response = Response(content_type=f"{_CSV}; charset={batch.spec.layout.dialect.encoding}")
        response.headers["X-Complete"] = "true" if batch.status is BatchStatus.COMPLETED else "false"
        response.headers["Content-Disposition"] = f'attachment; filename="{batch.id}-{what}.csv"'
        response.vary.add("Accept-Encoding")
        start, stop = 0, assembled.size
        if batch.status.is_final:
            # Packed, it is other bytes, of which no range can be made.
            response.set_etag(f"{batch.id}-{batch.completed_at}{'-gzip' if is_packed else ''}")
            response.headers["Accept-Ranges"] = "none" if is_packed else "bytes"
            response.make_conditional(request)
            if response.status_code != 200:
                return response
            start, stop = _requested_range(response, assembled.size)
        pieces = assembled.read(self._files, start, stop)
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
            # Nobody knows how long it gets; what was asked for conditionally has the length of an empty answer so far.
            response.headers.pop("Content-Length", None)
            response.response = _gzip(pieces)
        else:
            response.response = pieces
            response.content_length = stop - start
        return response

    def _assemble_consistently(self, batch_id: str, assemble: Assemble) -> tuple[Batch, Assembled]:
        """Return a batch and the file that goes with it: rows may be mended between reading the one and the other."""
        batch = self._get(batch_id)
        while True:
            assembled = self._assemble(batch, assemble)
            current = self._get(batch_id)
            if (current.mends, current.completed_at) == (batch.mends, batch.completed_at):
                return batch, assembled
            batch = current

    def _get(self, batch_id: str) -> Batch:
        return self._owned.require(batch_id, current_caller())

    def _assemble(self, batch: Batch, assemble: Assemble) -> Assembled:
        """Return the file; raises BatchGone when its pieces are being deleted, so that no stream breaks off."""
        gone = BatchGone("The files of this batch are past their retention.")
        if batch.is_past_retention:
            raise gone
        try:
            assembled = assemble(batch, self._batches, self._files)
            assembled.require_files(self._files)
        except FileMissing as error:
            raise gone from error
        return assembled


def _wants_gzip() -> bool:
    """Say whether the client would rather have it packed; a range is of the bytes as they are."""
    accepted = request.accept_encodings
    quality = accepted.quality("gzip")
    return quality > 0 and quality >= accepted.quality("identity") and "Range" not in request.headers


def _gzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces packed, a piece at a time."""
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _requested_range(response: Response, total: int) -> tuple[int, int]:
    """Return the bytes asked for, and mark the response as a part of the whole; raises 416."""
    wanted = request.range
    # Only the ETag tells that it is the same file: of a date, or a weak one, that is not known.
    is_same = request.headers.get("If-Range") in (None, response.headers["ETag"])
    if wanted is None or wanted.units != "bytes" or not is_same or len(wanted.ranges) != 1:
        return 0, total
    found = wanted.range_for_length(total)
    if found is None:
        raise RequestedRangeNotSatisfiable(total)
    response.status_code = 206
    response.headers["Content-Range"] = f"bytes {found[0]}-{found[1] - 1}/{total}"
    return found
