"""What a client asks for besides its answer: how long it is kept, what is written on it, and that it is made once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.request_headers import RequestHeaders, find_duration_seconds
from shared.errors import FieldErrorCode, FieldNote, RequestMalformed
from shared.jobs import Once

#: Bounds of `metadata`.
MAX_METADATA = 16
MAX_METADATA_NAME = 64
MAX_METADATA_TEXT = 512
#: Most characters of an idempotency key, and of an id that a client makes.
MAX_KEY = 255
MAX_CLIENT_ID = 64
#: What begins like an id of ours is none.
_CLIENT_ID = re.compile(rf"(?!prd_|bat_)[A-Za-z0-9][A-Za-z0-9_-]{{0,{MAX_CLIENT_ID - 1}}}")
_KEY = re.compile(rf"[\x20-\x7e]{{1,{MAX_KEY}}}")
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one job; the usual ones by default."""

    retain_seconds: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: The id that its client made, and the one under which it is stored.
    client_id: str | None = None
    record_id: str | None = None
    once: Once | None = None
    #: Where to tell that the job has ended; empty for nowhere.
    webhook_url: str = ""
    #: How long its client waits, if it has no use for a later answer; None: it reads the answer later, or nothing is
    #: refused for its wait here.
    patience_seconds: float | None = None


USUAL = Terms()


def read_retain_for(value: object, *, longest: int, errors: list[FieldNote]) -> int | None:
    """Return the seconds for which a final job is to be kept; None for as long as any other. Adds what is wrong."""
    if value is None:
        return None
    seconds = find_duration_seconds(value) if isinstance(value, str) else find_whole_number(value)
    if seconds is None:
        detail = 'send whole seconds, or a text such as "90s", "5m" or "2h"; 0 keeps nothing'
        errors.append(FieldNote("/retain_for", FieldErrorCode.WRONG_TYPE, detail))
        return None
    if not 0 <= seconds <= longest:
        detail = f"jobs are kept for {longest} s here; send 0 to {longest}"
        errors.append(FieldNote("/retain_for", FieldErrorCode.OUT_OF_RANGE, detail))
    return seconds


def find_whole_number(value: object) -> int | None:
    """Return a whole number of a JSON document, for which 60 and 60.0 are the same; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # A boolean is a number for Python.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_metadata(value: object, errors: list[FieldNote]) -> Mapping[str, str]:
    """Return what the client writes on its job. Adds what is wrong, and never what it says."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        detail = 'send an object of texts, such as {"order": "4711"}'
        errors.append(FieldNote("/metadata", FieldErrorCode.WRONG_TYPE, detail))
        return {}
    is_small = len(value) <= MAX_METADATA and all(
        len(name) <= MAX_METADATA_NAME and len(text) <= MAX_METADATA_TEXT for name, text in value.items()
    )
    if not is_small:
        detail = (
            f"send at most {MAX_METADATA} texts of {MAX_METADATA_TEXT} characters, "
            f"with names of at most {MAX_METADATA_NAME}"
        )
        errors.append(FieldNote("/metadata", FieldErrorCode.OUT_OF_RANGE, detail))
    return value


def find_once(headers: RequestHeaders, *, owner: str, route: str, document: object) -> Once | None:
    """Return what `Idempotency-Key` asks for; None without it. Raises RequestMalformed.

    route: what the document was sent to, for the same document means something else elsewhere.
    """
    key = headers.get("Idempotency-Key")
    if key is None:
        return None
    return Once(name_key(key, owner=owner), hash_document(route, document))


def name_key(key: str, *, owner: str) -> str:
    """Return the name of one owner's idempotency key; raises RequestMalformed."""
    if not _KEY.fullmatch(key):
        raise RequestMalformed("Idempotency-Key is 1 to 255 printable ASCII characters, such as a UUID.")
    return _hash(owner.encode() + b"\0" + key.encode())


def hash_document(route: str, document: Any) -> str:
    """Return a hash that is the same for the same members in another order."""
    return _hash(route.encode() + b"\0" + orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def is_client_id(text: str) -> bool:
    """Say whether a client may give this id to a job."""
    return _CLIENT_ID.fullmatch(text) is not None


def record_id_of(client_id: str, *, owner: str) -> str:
    """Return where the job lies that this owner gave an id to: another owner's job of the same id lies elsewhere."""
    return "own_" + _hash(owner.encode() + b"\0" + client_id.encode(), size=20)


def _hash(text: bytes, *, size: int = _DIGEST_BYTES) -> str:
    return hashlib.blake2b(text, digest_size=size).hexdigest()
