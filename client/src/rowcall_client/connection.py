"""How requests and answers look to the HTTP library: what both of its clients, blocking and not, have to be told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from rowcall_client import __version__
from rowcall_client.errors import AnswerNotUnderstood, ConnectionFailed, ProblemError
from rowcall_client.repeats import Retries
from rowcall_client.wire import Answer, Request

#: How long the server may take to accept a piece of an upload, and to answer once it has the whole.
UPLOAD_TIMEOUT_SECONDS = 120.0
#: With these errors no byte of the request has left, so a retry cannot do anything twice.
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
#: Stands before the words of the operating system, and says nothing more than they do.
SYSTEM_ERROR_NUMBER = re.compile(r"^\[Errno -?[0-9]+\] ")


@dataclass(frozen=True)
class Connection:
    """Which server, and on which terms."""

    #: Without a slash at its end.
    url: str
    api_key: str | None = field(repr=False)
    #: Limit for connecting and for each answer.
    timeout_seconds: float
    retries: Retries

    @classmethod
    def make(cls, url: str, api_key: str | None, timeout_seconds: float, retries: Retries | None) -> "Connection":
        """Raises ValueError for an address that is none."""
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the address must begin with http:// or https://, and {url!r} does not")
        try:
            httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise ValueError(f"the address {url!r} cannot be read: {error}") from error
        return cls(url.rstrip("/"), api_key, timeout_seconds, retries or Retries())

    @property
    def headers(self) -> dict[str, str]:
        """What stands in every request."""
        headers = {"Accept": "application/json", "User-Agent": f"rowcall-client/{__version__}"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key.strip()}"
        return headers

    def describe(self, request: Request) -> dict[str, Any]:
        """The arguments for `build_request`, except the content; `Any` because each has a type of its own."""
        headers = dict(request.headers)
        if isinstance(request.content, bytes):
            headers["Content-Type"] = "application/json"
        elif request.content is not None:
            headers |= request.content.headers
        return {
            "method": request.method,
            "url": request.path,
            "params": list(request.parameters) or None,
            "headers": headers,
            "timeout": self._make_timeout(request),
        }

    def read_head(self, response: httpx2.Response) -> Answer:
        """The head of an answer that is a success. Raises AnswerNotUnderstood; ProblemError if its body was read."""
        if response.is_success or response.status_code == httpx2.codes.NOT_MODIFIED:
            return Answer(self.url, response.status_code, response.headers)
        if response.is_redirect:
            raise AnswerNotUnderstood(self.url)
        raise make_problem_error(response)

    def read(self, response: httpx2.Response) -> Answer:
        """An answer that has been read. Raises as `read_head` does."""
        head = self.read_head(response)
        return Answer(head.url, head.status, head.headers, response.content)

    def make_failure(self, error: httpx2.RequestError) -> ConnectionFailed:
        """The exception for a request without an answer."""
        reason = SYSTEM_ERROR_NUMBER.sub("", str(error)) or type(error).__name__
        return ConnectionFailed(self.url, reason, request_sent=not isinstance(error, NOT_SENT))

    def _make_timeout(self, request: Request) -> httpx2.Timeout:
        seconds = self.timeout_seconds
        if request.upload is not None:
            return httpx2.Timeout(seconds, read=UPLOAD_TIMEOUT_SECONDS, write=UPLOAD_TIMEOUT_SECONDS)
        return httpx2.Timeout(seconds, read=seconds + request.wait_seconds)


def make_problem_error(response: httpx2.Response) -> ProblemError:
    """Read an unsuccessful answer, which a proxy on the way may have written in its own form."""
    try:
        document = response.json()
    except ValueError:
        document = None
    problem = document if isinstance(document, dict) else {}
    return ProblemError(response.status_code, problem, retry_after_seconds=find_retry_after_seconds(response.headers))


def find_retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`: a number of seconds, or a date, which is taken by the clock of who sent it."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    until = find_date(text)
    if until is None:
        return None
    return max(0.0, (until - (find_date(headers.get("Date", "")) or datetime.now(UTC))).total_seconds())


def find_date(text: str) -> datetime | None:
    """Read a date as HTTP writes it; None for any other text."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
