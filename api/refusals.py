"""Refusals of what is in order and comes at the wrong time, or too slowly."""

import math
from typing import ClassVar

from shared.errors import RequestError

#: A body that comes at this rate may take as long as it likes.
LEAST_BYTES_PER_SECOND = 1_024


class ComeBackLater(RequestError):
    """Raised when a request would be taken after a while."""

    retryable = True
    _DETAIL: ClassVar[str]

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(self._DETAIL)
        #: A header has whole seconds only.
        self.retry_after_seconds = max(1, math.ceil(retry_after_seconds))
        # Each request of a group raises a copy, which is made of these.
        self.args = (retry_after_seconds,)


class RequestTooSlow(RequestError):
    """Raised when the body of a request stops coming, or comes too slowly."""

    code = "request_too_slow"
    retryable = True

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The body did not come in time: we wait {seconds:g} s for a client, and longer only while at least "
            f"{LEAST_BYTES_PER_SECOND} bytes come in a second. Nothing was accepted; send the request again."
        )


class Overloaded(ComeBackLater):
    """Raised when a job would wait for longer than the service or its own deadline allows."""

    code = "overloaded"
    _DETAIL = "More was asked for than can be answered in time, so nothing was accepted; Retry-After says when to come."


class RateLimited(ComeBackLater):
    """Raised when a key has asked for more than its rate allows."""

    code = "rate_limited"
    _DETAIL = (
        "This key has asked for more than its rate allows, so nothing was accepted; Retry-After says when to come."
    )
