"""Who asks: callers, what they may do, and how they prove it."""

import hashlib
import hmac
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from flask.globals import request_ctx

from shared.errors import KeyRequired
from shared.rates import Rate
from shared.settings import Settings

#: Key of the WSGI environment under which a request has its caller.
CALLER = "rowcall.caller"
#: A key is looked up anew after so long, and a process goes on with what it knew for at most so long: a revoked key is
#: refused everywhere after that.
RENEW_SECONDS = 2.5
KNOWN_SECONDS = 5.0
#: Keys that a process knows at once.
KNOWN_KEYS = 4_096
#: How often a process writes down that a key is used.
NOTE_SECONDS = 60.0


class Scope(StrEnum):
    """What a caller may do."""

    #: Submit, read and cancel predictions.
    PREDICT = "predict"
    #: Upload files, follow and cancel them, read their results.
    BATCH = "batch"
    #: Decide on quarantined jobs of all owners, and on keys.
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request."""

    #: Sees its own jobs and batches, and no others.
    owner: str
    #: The key that it was sent with.
    key_id: str
    scopes: frozenset[Scope]
    #: How many of its requests are accepted; None: all.
    rate: Rate | None = None


#: Every caller where no keys are asked for.
ANYONE = Caller(owner="", key_id="", scopes=frozenset({Scope.PREDICT, Scope.BATCH}))
#: Who knows ROWCALL_OPERATOR_TOKEN.
OPERATOR = Caller(owner="operator", key_id="operator", scopes=frozenset({Scope.ADMIN}))


def current_caller() -> Caller:
    """Return who sent the request that Flask is working on; raises KeyError on a route that is open to everybody."""
    caller: Caller = request_ctx.request.environ[CALLER]
    return caller


class HeldKey(Protocol):
    """A key as far as it makes a caller. Times are seconds since the epoch."""

    @property
    def id(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def scopes(self) -> frozenset[Scope]: ...
    @property
    def expires_at(self) -> float | None: ...
    @property
    def requests_per_second(self) -> float | None: ...


class Keys(Protocol):
    """Where keys are looked up; every operation but `note_use` raises StoreUnavailable."""

    def find_valid(self, text: str) -> HeldKey | None:
        """Return the key with this text; None if it is unknown, revoked or expired."""

    def note_use(self, key_id: str) -> None:
        """Write down that a key was used just now."""


class _Known:
    """A caller whose key was looked up."""

    __slots__ = ("caller", "good_until", "renew_at")

    def __init__(self, caller: Caller, *, renew_at: float, good_until: float) -> None:
        self.caller = caller
        self.renew_at = renew_at
        self.good_until = good_until


class Callers:
    """Finds out who asks, and remembers it for a moment."""

    def __init__(
        self,
        keys: Keys,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        calendar: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._calendar = calendar
        self._is_open = not settings.require_keys
        self._rate_limit = settings.rate_limit
        # All of them share a bucket: behind a proxy, their addresses are the proxy's.
        self._anyone = replace(ANYONE, rate=self._make_rate("anyone", None)) if self._rate_limit else ANYONE
        self._tokens = [token.encode() for token in settings.operator_tokens]
        #: By the hash of the key, so that none lies in memory.
        self._known: dict[bytes, _Known] = {}
        self._noted_at: dict[str, float] = {}

    def find_known(self, authorization: str | None) -> Caller | None:
        """Return the caller that this header proves; None if it takes a look into the store to say so."""
        if self._is_open:
            return self._anyone
        known = self._known.get(_digest(_read_key(authorization)))
        return known.caller if known is not None and self._clock() < known.renew_at else None

    def get(self, authorization: str | None) -> Caller:
        """Return the caller that this header proves, even where no keys are asked for.

        Raises KeyRequired, which says the same of every key that is not valid, and StoreUnavailable.
        """
        text = _read_key(authorization)
        digest = _digest(text)
        known = self._known.get(digest)
        if known is not None:
            if self._clock() < known.renew_at:
                return known.caller
            # This request looks it up anew, and the others go on meanwhile.
            known.renew_at = known.good_until
        # Compared with each, in a time that does not depend on how much of it is right.
        matches = [hmac.compare_digest(text.encode(), token) for token in self._tokens]
        if any(matches):
            return OPERATOR
        key = self._keys.find_valid(text)
        if key is None:
            self._known.pop(digest, None)
            raise KeyRequired
        caller = Caller(key.owner, key.id, key.scopes, self._make_rate(key.id, key.requests_per_second))
        self._remember(digest, caller, key.expires_at)
        return caller

    def _make_rate(self, name: str, per_second: float | None) -> Rate | None:
        """Return the rate of a key; per_second: its own, None for the one of the settings, 0 for none."""
        effective = self._rate_limit if per_second is None else per_second
        return Rate(name, effective) if effective else None

    def _remember(self, digest: bytes, caller: Caller, expires_at: float | None) -> None:
        now = self._clock()
        left = float("inf") if expires_at is None else max(0.0, expires_at - self._calendar())
        if len(self._known) >= KNOWN_KEYS:
            self._known.clear()
            self._noted_at.clear()
        self._known[digest] = _Known(
            caller, renew_at=now + min(RENEW_SECONDS, left), good_until=now + min(KNOWN_SECONDS, left)
        )
        if now - self._noted_at.get(caller.key_id, float("-inf")) >= NOTE_SECONDS:
            self._noted_at[caller.key_id] = now
            self._keys.note_use(caller.key_id)


def _read_key(authorization: str | None) -> str:
    """Return the key in the header; an empty one when there is none."""
    scheme, _, text = (authorization or "").partition(" ")
    scheme, text = scheme.lower(), text.strip()
    if scheme == "bearer":
        return text
    return _read_password(text) if scheme == "basic" else ""


def _read_password(text: str) -> str:
    """Return the password of `Basic` (RFC 7617), which is all that some clients can send; the user may be anybody."""
    try:
        return b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
