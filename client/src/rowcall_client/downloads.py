"""A CSV file on its way from the server: streamed, and continued where a broken connection has cut it off."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rowcall_client.errors import AnswerNotUnderstood, ConnectionFailed, DownloadBroken, ProblemError
from rowcall_client.repeats import Patience
from rowcall_client.wire import Answer, Flow, Receive, Request

#: Is told how many bytes have arrived, and how many there are when that is known.
ReportDownload = Callable[[int, int | None], None]

#: How often a download is tried without a single new byte.
MAX_TRIES = 6
#: Pause before the second try; it doubles for each next one. A `Retry-After` of the server replaces it.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
PARTIAL_CONTENT = 206
#: Which bytes an answer holds, and of how many.
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download has brought."""

    size_bytes: int
    #: False for the results of a batch that is still running: they end with the last row that was done.
    is_complete: bool


class Download:
    """One file that is being received; a `Sink`."""

    def __init__(self, path: str, file: BinaryIO, *, may_start_over: bool, on_progress: ReportDownload | None) -> None:
        """may_start_over: whether the file is ours alone, so that what it holds can be thrown away."""
        self._path = path
        self._file = file
        self._may_start_over = may_start_over
        self._on_progress = on_progress
        self._received_bytes = 0
        self._total_bytes: int | None = None
        #: Bytes of the answer that were received before.
        self._known_bytes = 0
        self._etag = ""
        self._is_complete = True

    def receive(self) -> Flow[Downloaded]:
        """Receive the whole file. Raises ProblemError, ConnectionFailed, AnswerNotUnderstood, DownloadBroken."""
        patience = Patience(
            max_tries=MAX_TRIES, first_pause_seconds=FIRST_PAUSE_SECONDS, longest_pause_seconds=LONGEST_PAUSE_SECONDS
        )
        while True:
            received_before = self._received_bytes
            try:
                yield Receive(self._make_request(), self)
            except (ConnectionFailed, ProblemError) as error:
                pause = patience.bear(error, has_got_on=self._received_bytes > received_before)
            else:
                return Downloaded(self._received_bytes, self._is_complete)
            yield pause

    def begin(self, head: Answer) -> None:
        """Find out how many bytes of the body are known already."""
        if head.headers.get("Content-Encoding", "identity") != "identity":
            raise AnswerNotUnderstood(head.url)
        if head.status == PARTIAL_CONTENT:
            self._check_continuation(head)
            self._known_bytes = 0
            return
        etag = head.headers.get("ETag", "")
        is_same = bool(etag) and etag == self._etag
        if self._received_bytes and not is_same:
            self._start_over()
        self._etag = etag
        self._is_complete = head.headers.get("X-Complete", "true") == "true"
        length = head.headers.get("Content-Length", "")
        self._total_bytes = int(length) if length.isdecimal() else None
        self._known_bytes = self._received_bytes

    def take(self, piece: bytes) -> None:
        """Write what is new."""
        fresh = piece[self._known_bytes :]
        self._known_bytes -= len(piece) - len(fresh)
        self._file.write(fresh)
        self._received_bytes += len(fresh)
        if self._on_progress:
            self._on_progress(self._received_bytes, self._total_bytes)

    def _make_request(self) -> Request:
        # Byte positions must be those of the file itself, hence no compression on the way.
        headers = {"Accept": "text/csv, application/problem+json", "Accept-Encoding": "identity"}
        if self._received_bytes and self._etag:
            headers |= {"Range": f"bytes={self._received_bytes}-", "If-Range": self._etag}
        return Request("GET", self._path, headers=headers)

    def _check_continuation(self, head: Answer) -> None:
        match = CONTENT_RANGE.fullmatch(head.headers.get("Content-Range", ""))
        if not match or int(match[1]) != self._received_bytes:
            raise AnswerNotUnderstood(head.url)

    def _start_over(self) -> None:
        if not self._may_start_over:
            raise DownloadBroken(self._received_bytes)
        self._file.seek(0)
        self._file.truncate()
        self._received_bytes = 0


def receive_file(path: str, target: Path | BinaryIO, on_progress: ReportDownload | None) -> Flow[Downloaded]:
    """Receive a file into an open one, or under a name, which it gets only when it is whole."""
    if not isinstance(target, Path):
        downloaded = yield from Download(path, target, may_start_over=False, on_progress=on_progress).receive()
        target.flush()
        return downloaded
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            downloaded = yield from Download(path, file, may_start_over=True, on_progress=on_progress).receive()
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return downloaded
