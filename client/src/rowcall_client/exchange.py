"""One HTTP request and its answer: addresses, time limits, retries, and errors as exceptions.

What the documents mean is not known here.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

import httpx2

from rowcall_client import __version__
from rowcall_client.errors import AnswerNotUnderstood, ConnectionFailed, ProblemError
from rowcall_client.predictions import Document
from rowcall_client.uploads import Upload

#: How often one request is sent at most.
MAX_TRIES = 3
#: Pause before the second try; it doubles for the next. A `Retry-After` of the server replaces it.
FIRST_PAUSE_SECONDS = 0.2
#: A server that asks for a longer pause than this is not tried again; the caller decides.
LONGEST_PAUSE_SECONDS = 5.0

#: How long the server may take to accept a piece of an upload, and to answer once it has the whole.
UPLOAD_TIMEOUT_SECONDS = 120.0

#: With these errors no byte of the request has left, so a retry cannot do anything twice.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
#: Statuses worth another try when the request changes nothing.
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
#: Statuses with which the server says that it has not begun the work.
REFUSED_FOR_NOW_STATUSES = frozenset({429, 503})
#: Stands before the words of the operating system, and says nothing more than they do.
SYSTEM_ERROR_NUMBER = re.compile(r"^\[Errno -?[0-9]+\] ")

Decoded = TypeVar("Decoded")


class HttpExchange:
    """Sends requests to one server and returns its successful answers."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        transport: httpx2.BaseTransport | None,
        sleep: Callable[[float], None] = time.sleep,
        api_key: str | None = None,
    ) -> None:
        """Prepare a connection pool; nothing is sent yet. Raises ValueError for an address that is none."""
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the address must begin with http:// or https://, and {url!r} does not")
        self.url = url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._sleep = sleep
        headers = {"Accept": "application/json", "User-Agent": f"rowcall-client/{__version__}"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key.strip()}"
        try:
            self._http = httpx2.Client(base_url=self.url, headers=headers, transport=transport)
        except httpx2.InvalidURL as error:
            raise ValueError(f"the address {url!r} cannot be read: {error}") from error

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
        wait_seconds: float = 0,
    ) -> httpx2.Response:
        """Send one request and return its 2xx or 304 answer; tries again when that can do no harm.

        wait_seconds: how long the server was asked to hold its answer back; added to the time limit.
        Raises ProblemError, ConnectionFailed, and ValueError when the body holds NaN or Infinity.
        """
        timeout = httpx2.Timeout(self._timeout_seconds, read=self._timeout_seconds + wait_seconds)
        request = self._http.build_request(method, path, json=body, headers=headers, timeout=timeout)
        return self._send_until_answered(request, partial(may_try_again, method=method))

    def upload(self, path: str, upload: Upload, parameters: Sequence[tuple[str, str]] = ()) -> httpx2.Response:
        """Stream a file with POST; tried again only as long as none of its bytes have left. Raises as `send` does."""
        patience = UPLOAD_TIMEOUT_SECONDS
        timeout = httpx2.Timeout(self._timeout_seconds, read=patience, write=patience)
        request = self._http.build_request(
            "POST", path, params=list(parameters), content=upload, headers=upload.headers, timeout=timeout
        )
        return self._send_until_answered(request, lambda _: not upload.has_begun)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """Send one GET and hand its 2xx answer over before the body is read; never tried again.

        Raises ProblemError, and ConnectionFailed also for what happens while the body is being read.
        """
        request = self._http.build_request("GET", path, headers=headers, timeout=self._timeout_seconds)
        try:
            response = self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    response.read()
                yield self._refuse_failure(response)
            finally:
                response.close()
        except httpx2.RequestError as error:
            raise self._make_connection_failed(error) from error

    def decode(self, response: httpx2.Response, decode: Callable[..., Decoded]) -> Decoded:
        """Read the document of an answer with a `decode` function. Raises AnswerNotUnderstood."""
        document = self.decode_json(response)
        try:
            return decode(document, body=response.text)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AnswerNotUnderstood(self.url) from error

    def decode_json(self, response: httpx2.Response) -> Any:
        """Parse a body; `Any` because the caller knows the document. Raises AnswerNotUnderstood."""
        try:
            return response.json()
        except ValueError as error:
            raise AnswerNotUnderstood(self.url) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> "HttpExchange":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send_until_answered(
        self, request: httpx2.Request, is_harmless: Callable[[ConnectionFailed | ProblemError], bool]
    ) -> httpx2.Response:
        tries = 0
        while True:
            tries += 1
            try:
                return self._send_once(request)
            except (ConnectionFailed, ProblemError) as error:
                pause_seconds = find_pause_seconds(error, tries=tries) if is_harmless(error) else None
                if pause_seconds is None:
                    raise
            self._sleep(pause_seconds)

    def _send_once(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = self._http.send(request)
        except httpx2.RequestError as error:
            raise self._make_connection_failed(error) from error
        return self._refuse_failure(response)

    def _refuse_failure(self, response: httpx2.Response) -> httpx2.Response:
        if response.is_success or response.status_code == httpx2.codes.NOT_MODIFIED:
            return response
        if response.is_redirect:
            raise AnswerNotUnderstood(self.url)
        raise make_problem_error(response)

    def _make_connection_failed(self, error: httpx2.RequestError) -> ConnectionFailed:
        reason = SYSTEM_ERROR_NUMBER.sub("", str(error)) or type(error).__name__
        return ConnectionFailed(self.url, reason, request_sent=not isinstance(error, NOT_SENT))


def make_problem_error(response: httpx2.Response) -> ProblemError:
    """Read an unsuccessful answer, which a proxy on the way may have written in its own form."""
    try:
        document = response.json()
    except ValueError:
        document = None
    problem = document if isinstance(document, dict) else {}
    return ProblemError(response.status_code, problem, retry_after_seconds=find_retry_after_seconds(response))


def find_retry_after_seconds(response: httpx2.Response) -> float | None:
    """Read `Retry-After` when it is a number of seconds; Rowcall never sends the date form."""
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isdecimal() else None


def find_pause_seconds(error: ConnectionFailed | ProblemError, *, tries: int) -> float | None:
    """How long to pause before the next try of a harmless request; None when there should be none."""
    if tries >= MAX_TRIES:
        return None
    pause_seconds = FIRST_PAUSE_SECONDS * 2 ** (tries - 1)
    if isinstance(error, ProblemError) and error.retry_after_seconds is not None:
        pause_seconds = error.retry_after_seconds
    return pause_seconds if pause_seconds <= LONGEST_PAUSE_SECONDS else None


def is_passing(error: ConnectionFailed | ProblemError) -> bool:
    """Whether the trouble may be over soon, so that a request which changes nothing is worth another try."""
    return isinstance(error, ConnectionFailed) or error.status in RETRIED_STATUSES


def may_try_again(error: ConnectionFailed | ProblemError, method: str) -> bool:
    """Whether sending the request again can do no harm.

    A POST that may have arrived is never repeated: it could make a second job.
    """
    if method == "GET":
        return is_passing(error)
    if isinstance(error, ConnectionFailed):
        return not error.request_sent
    return error.status in REFUSED_FOR_NOW_STATUSES and error.retryable
