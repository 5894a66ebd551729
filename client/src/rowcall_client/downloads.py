"""A CSV file on its way from the server: streamed, and continued where a broken connection has cut it off."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx2

from rowcall_client.errors import AnswerNotUnderstood, ConnectionFailed, DownloadBroken, ProblemError
from rowcall_client.exchange import HttpExchange, is_passing

#: Is told how many bytes have arrived, and how many there are when that is known.
ReportDownload = Callable[[int, int | None], None]

#: How often a download is tried without a single new byte.
MAX_TRIES = 6
#: Pause before the second try; it doubles for each next one. A `Retry-After` of the server replaces it.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
#: Which bytes an answer holds, and of how many.
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download has brought."""

    size_bytes: int
    #: False for the results of a batch that is still running: they end with the last row that was done.
    is_complete: bool


class Download:
    """One file that is being received."""

    def __init__(
        self,
        exchange: HttpExchange,
        path: str,
        file: BinaryIO,
        *,
        may_start_over: bool,
        sleep: Callable[[float], None],
        on_progress: ReportDownload | None,
    ) -> None:
        """may_start_over: whether the file is ours alone, so that what it holds can be thrown away."""
        self._exchange = exchange
        self._path = path
        self._file = file
        self._may_start_over = may_start_over
        self._sleep = sleep
        self._on_progress = on_progress
        self._received_bytes = 0
        self._total_bytes: int | None = None
        self._etag = ""
        self._is_complete = True

    def receive(self) -> Downloaded:
        """Receive the whole file. Raises ProblemError, ConnectionFailed, AnswerNotUnderstood, DownloadBroken."""
        tries = 0
        while True:
            received_before = self._received_bytes
            try:
                self._receive_rest()
            except (ConnectionFailed, ProblemError) as error:
                tries = 1 if self._received_bytes > received_before else tries + 1
                if tries >= MAX_TRIES or not is_passing(error):
                    raise
                pause_seconds = choose_pause_seconds(error, tries)
            else:
                return Downloaded(self._received_bytes, self._is_complete)
            self._sleep(pause_seconds)

    def _receive_rest(self) -> None:
        # Byte positions must be those of the file itself, hence no compression on the way.
        headers = {"Accept": "text/csv, application/problem+json", "Accept-Encoding": "identity"}
        if self._received_bytes and self._etag:
            headers |= {"Range": f"bytes={self._received_bytes}-", "If-Range": self._etag}
        with self._exchange.stream(self._path, headers) as response:
            known_bytes = self._begin(response)
            for piece in response.iter_raw():
                fresh = piece[known_bytes:]
                known_bytes -= len(piece) - len(fresh)
                self._take(fresh)

    def _begin(self, response: httpx2.Response) -> int:
        """Read the head of an answer, and return how many bytes of its body are known already."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise AnswerNotUnderstood(self._exchange.url)
        if response.status_code == httpx2.codes.PARTIAL_CONTENT:
            return self._check_continuation(response)
        etag = response.headers.get("ETag", "")
        is_same = bool(etag) and etag == self._etag
        if self._received_bytes and not is_same:
            self._start_over()
        self._etag = etag
        self._is_complete = response.headers.get("X-Complete", "true") == "true"
        length = response.headers.get("Content-Length", "")
        self._total_bytes = int(length) if length.isdecimal() else None
        return self._received_bytes

    def _check_continuation(self, response: httpx2.Response) -> int:
        match = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not match or int(match[1]) != self._received_bytes:
            raise AnswerNotUnderstood(self._exchange.url)
        return 0

    def _start_over(self) -> None:
        if not self._may_start_over:
            raise DownloadBroken(self._received_bytes)
        self._file.seek(0)
        self._file.truncate()
        self._received_bytes = 0

    def _take(self, piece: bytes) -> None:
        self._file.write(piece)
        self._received_bytes += len(piece)
        if self._on_progress:
            self._on_progress(self._received_bytes, self._total_bytes)


def download_file(
    exchange: HttpExchange,
    path: str,
    target: Path | BinaryIO,
    *,
    sleep: Callable[[float], None],
    on_progress: ReportDownload | None,
) -> Downloaded:
    """Receive a file into an open one, or under a name, which it gets only when it is whole."""
    if not isinstance(target, Path):
        download = Download(exchange, path, target, may_start_over=False, sleep=sleep, on_progress=on_progress)
        downloaded = download.receive()
        target.flush()
        return downloaded
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            download = Download(exchange, path, file, may_start_over=True, sleep=sleep, on_progress=on_progress)
            downloaded = download.receive()
        part.replace(target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return downloaded


def choose_pause_seconds(error: ConnectionFailed | ProblemError, tries: int) -> float:
    """How long to stay away after a try that failed."""
    pause_seconds: float = FIRST_PAUSE_SECONDS * 2 ** (tries - 1)
    if isinstance(error, ProblemError) and error.retry_after_seconds is not None:
        pause_seconds = error.retry_after_seconds
    return min(pause_seconds, LONGEST_PAUSE_SECONDS)
