"""The server's documents about API keys as frozen records, decoded once at the edge; no HTTP here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from rowcall_client.predictions import Document, find_time


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key."""

    id: str
    #: For people.
    name: str
    #: Whose jobs it reaches.
    owner: str
    scopes: tuple[str, ...]
    created_at: datetime | None
    #: None: it never expires.
    expires_at: datetime | None
    #: To the minute; None: never.
    last_used_at: datetime | None
    #: How many requests are accepted of it: 0 for all, None for what the server is set to.
    requests_per_second: float | None = None
    #: The key itself; None unless it was just made.
    key: str | None = field(default=None, repr=False)
    #: The document as it was sent; empty for a member of a list.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "Key":
        """Read a document. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
        return cls(
            id=str(document["id"]),
            name=str(document["name"]),
            owner=str(document["owner"]),
            scopes=tuple(str(scope) for scope in document["scopes"]),
            created_at=find_time(document, "created_at"),
            expires_at=find_time(document, "expires_at"),
            last_used_at=find_time(document, "last_used_at"),
            requests_per_second=document.get("requests_per_second"),
            key=document.get("key"),
            body=body,
        )


@dataclass(frozen=True, slots=True)
class KeyList:
    """Every key that was not revoked, the oldest first; iterate over it."""

    keys: tuple[Key, ...]
    #: The list as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "KeyList":
        """Read a list document. Raises as `Key.decode` does."""
        return cls(tuple(Key.decode(key) for key in document["data"]), body)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)
