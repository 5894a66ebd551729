"""Job ids that prove their origin and owner, so that an expired job can be told from one that never was.

An id is 16 random bytes and 4 bytes of a keyed hash (BLAKE2b, RFC 7693) over them and the owner. A record that is gone
needs no tombstone: an id with the right code was given out by this service, and to this owner.
"""

import hashlib
import hmac
import re
import secrets
from functools import cached_property

from redis import Redis

from api.randomness import PIECE_BYTES, random_bytes
from shared.job_store import store_errors
from shared.settings import Settings

JOB_PREFIX = "prd_"
BATCH_PREFIX = "bat_"
_RANDOM_BYTES = PIECE_BYTES
_CODE_BYTES = 4
_DIGITS = re.compile(f"[0-9a-f]{{{2 * (_RANDOM_BYTES + _CODE_BYTES)}}}")


class JobIds:
    """Makes and recognizes job ids with a key that lies in the store."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._key_name = f"{settings.key_root}id_key"

    def is_ready(self) -> bool:
        """Say whether the key is known, so that an id costs no call of the store."""
        return "_key" in self.__dict__

    @cached_property
    def _key(self) -> bytes:
        with store_errors():
            key = self._redis.get(self._key_name)
            if key is None:
                # Only then, because a server without memory left takes no key.
                self._redis.set(self._key_name, secrets.token_bytes(32), nx=True)
                key = self._redis.get(self._key_name)
        assert isinstance(key, bytes)
        return key

    def _code(self, random: bytes, owner: str) -> bytes:
        # BLAKE2b has a key of its own, and unlike HMAC in OpenSSL it does not let go of the interpreter's lock for it.
        origin = random + owner.encode() if owner else random
        return hashlib.blake2b(origin, key=self._key, digest_size=_CODE_BYTES).digest()

    def new(self, prefix: str = JOB_PREFIX, *, owner: str = "") -> str:
        """Return a fresh id for this owner, of 128 random bits; raises StoreUnavailable while the key is not known."""
        random = random_bytes()
        return prefix + (random + self._code(random, owner)).hex()

    def is_ours(self, job_id: str, prefix: str = JOB_PREFIX, *, owner: str = "") -> bool:
        """Say whether `new` made this id for this owner, here or in another API process."""
        if not job_id.startswith(prefix) or not _DIGITS.fullmatch(job_id, len(prefix)):
            return False
        document = bytes.fromhex(job_id.removeprefix(prefix))
        return hmac.compare_digest(document[_RANDOM_BYTES:], self._code(document[:_RANDOM_BYTES], owner))
