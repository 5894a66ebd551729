"""What the request headers ask for: how long to wait, and until when the answer is of use."""

import re
from dataclasses import dataclass
from typing import Protocol

from shared.errors import RequestMalformed
from shared.settings import Settings


class RequestHeaders(Protocol):
    """The headers of a request, whatever holds them."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""


_WAIT = re.compile(r"(?:^|,)\s*wait\s*(?:=\s*\"?([0-9]{1,18})\"?)?\s*(?=[,;]|$)", re.IGNORECASE)
_DURATION = re.compile(r"(0|[1-9][0-9]{0,6})(s|m|h)?")
_UNIT_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class WaitPreference:
    """How long the client is ready to wait, after our own limit."""

    seconds: float

    @property
    def applied(self) -> str:
        """Value of the answer's `Preference-Applied` header (RFC 7240)."""
        return f"wait={self.seconds:g}"


def find_wait(headers: RequestHeaders, settings: Settings) -> WaitPreference | None:
    """Return the preference `wait`, cut to the longest wait granted, or None.

    A preference that cannot be read is no error: RFC 7240 has servers ignore it.
    """
    text = headers.get("Prefer")
    found = _WAIT.search(text) if text else None
    if found is None:
        return None
    seconds = float(found[1]) if found[1] else settings.default_wait_seconds
    return WaitPreference(min(seconds, settings.max_wait_seconds)) if seconds > 0 else None


def read_deadline_seconds(headers: RequestHeaders, settings: Settings) -> float:
    """Return the seconds of `Cancel-After`, or the default deadline; raises RequestMalformed."""
    text = headers.get("Cancel-After")
    if text is None:
        return settings.deadline_seconds
    seconds = find_duration_seconds(text.strip())
    if not seconds:
        raise RequestMalformed("Cancel-After is a whole number with an optional unit s, m or h, such as 90s or 5m.")
    return min(float(seconds), settings.deadline_seconds)


def find_duration_seconds(text: str) -> int | None:
    """Return the seconds of a duration such as 90s, 5m or 2h; None for any other text."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNIT_SECONDS[found[2]] if found else None
