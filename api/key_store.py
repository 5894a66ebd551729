"""API keys: whose they are, what they allow and until when. Of a key itself only a hash is kept."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson
from redis import Redis

from api.callers import Scope
from shared.errors import DependencyError
from shared.job_store import store_errors
from shared.settings import Settings

#: What names and owners are made of.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_ID_BYTES = 8
_SECRET_BYTES = 32
#: Its beginning lets a scanner for leaked secrets know it, and the id finds its record.
_KEY = re.compile(f"rck_([0-9a-f]{{{2 * _ID_BYTES}}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key. Times are seconds since the epoch."""

    id: str
    #: For people; it means nothing.
    name: str
    #: Whose jobs it reaches. Several keys may share an owner, so that one can take the place of another.
    owner: str
    scopes: frozenset[Scope]
    created_at: float
    #: None: it is valid until it is revoked.
    expires_at: float | None
    #: To the minute; None: never.
    last_used_at: float | None = None
    #: Requests that are accepted of it; 0: all, None: what the settings say.
    requests_per_second: float | None = None


#: Stands in for a key that there is not, so that it takes as long to refuse.
_NOBODY = orjson.dumps({"name": "", "owner": "", "scopes": [], "created": 0.0, "expires": 0.0, "hash": "0" * 64})


class RedisKeys:
    """The keys beside the job records.

    Every operation raises StoreUnavailable when the store does not answer. No secret is slow to guess by design: a key
    is 256 random bits, so a fast hash hides it well enough.
    """

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._keys = f"{settings.key_root}keys"
        self._uses = f"{settings.key_root}key_uses"

    def create(
        self,
        name: str,
        *,
        scopes: Collection[Scope],
        owner: str | None = None,
        valid_seconds: float | None = None,
        requests_per_second: float | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with its text, which is known to nobody after this. Raises StoreFull.

        owner: whose jobs it reaches; None for an owner of its own.
        requests_per_second: of which `is_rate` is true, 0 for no limit; None for the limit of the settings.
        """
        key_id = secrets.token_hex(_ID_BYTES)
        text = f"rck_{key_id}_{secrets.token_hex(_SECRET_BYTES)}"
        now = self._clock()
        expires_at = None if valid_seconds is None else now + valid_seconds
        key = ApiKey(
            key_id,
            name,
            owner or key_id,
            frozenset(scopes),
            now,
            expires_at,
            requests_per_second=requests_per_second,
        )
        record = {
            "name": key.name,
            "owner": key.owner,
            "scopes": sorted(key.scopes),
            "created": now,
            "expires": expires_at,
            "hash": _hash(text),
            "rate": requests_per_second,
        }
        with store_errors():
            self._redis.hset(self._keys, key_id, orjson.dumps(record))
        return key, text

    def list(self) -> list[ApiKey]:
        """Return every key that was not revoked, the oldest first; expired ones too."""
        with store_errors():
            records: Any = self._redis.hgetall(self._keys)
            uses: Any = self._redis.hgetall(self._uses)
        keys = [
            replace(_decode(key_id.decode(), orjson.loads(record)), last_used_at=float(uses[key_id]))
            if key_id in uses
            else _decode(key_id.decode(), orjson.loads(record))
            for key_id, record in records.items()
        ]
        return sorted(keys, key=lambda key: (key.created_at, key.id))

    def revoke(self, key_id: str) -> bool:
        """Delete a key; returns whether there was one."""
        with store_errors():
            self._redis.hdel(self._uses, key_id)
            return bool(self._redis.hdel(self._keys, key_id))

    def find_valid(self, text: str) -> ApiKey | None:
        """Return the key with this text; None if it is unknown, revoked or expired, which nothing tells apart."""
        found = _KEY.fullmatch(text)
        if found is None:
            return None
        with store_errors():
            record: Any = self._redis.hget(self._keys, found[1])
        fields = orjson.loads(record or _NOBODY)
        is_right = hmac.compare_digest(_hash(text), fields["hash"])
        is_current = fields["expires"] is None or self._clock() < fields["expires"]
        return _decode(found[1], fields) if is_right and is_current else None

    def note_use(self, key_id: str) -> None:
        """Write down that a key was used just now; a hint, for which nothing fails."""
        with suppress(DependencyError), store_errors():
            self._redis.hset(self._uses, key_id, f"{self._clock():.0f}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(key_id: str, fields: dict[str, Any]) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in fields["scopes"])
    return ApiKey(
        key_id,
        fields["name"],
        fields["owner"],
        scopes,
        fields["created"],
        fields["expires"],
        # Keys from a time without rates have none.
        requests_per_second=fields.get("rate"),
    )
