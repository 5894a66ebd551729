"""What passes between the questions and whoever sends them: requests, answers, pauses. Nothing here sends or waits.

A question to a server is a `Flow`: a generator that yields what is to be done next, is handed what came of it, and
returns what the caller wants to know. So each is written once, for the client that blocks and the one that awaits.
"""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from rowcall_client.errors import AnswerNotUnderstood
from rowcall_client.uploads import Upload

Value = TypeVar("Value")


class Repeat(Enum):
    """Whether a request may be sent again after one that brought no success."""

    #: It does the same however often it comes: it reads, or the server recognizes it.
    ALWAYS = auto()
    #: Only if the first cannot have been begun.
    UNBEGUN = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, not sent yet."""

    method: str
    path: str
    parameters: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | Upload | None = None
    repeat: Repeat = Repeat.UNBEGUN
    #: How long the server was asked to hold its answer back; added to the time limit.
    wait_seconds: float = 0

    @property
    def upload(self) -> Upload | None:
        """The file that it carries; None for any other."""
        return self.content if isinstance(self.content, Upload) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a successful answer (2xx or 304), and its body if that has been read."""

    #: Address of the server.
    url: str
    status: int
    #: Names are found in any case.
    headers: Mapping[str, str]
    content: bytes = b""

    def decode(self, decode: Callable[..., Value]) -> Value:
        """Read the document with a `decode` function. Raises AnswerNotUnderstood."""
        try:
            return decode(json.loads(self.content), body=self.content.decode())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AnswerNotUnderstood(self.url) from error


class Sink(Protocol):
    """Takes a body piece by piece."""

    def begin(self, head: Answer) -> None:
        """Take the head of the answer, before any of its body."""

    def take(self, piece: bytes) -> None:
        """Take the next bytes of the body, as they were sent."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send this request once."""

    request: Request


@dataclass(frozen=True, slots=True)
class Receive:
    """Send this request once, and hand the answer over as it comes."""

    request: Request
    sink: Sink


@dataclass(frozen=True, slots=True)
class Pause:
    """Do nothing for a time between these two, chosen by chance so that not all clients come back at once."""

    least_seconds: float
    most_seconds: float

    @classmethod
    def exactly(cls, seconds: float) -> "Pause":
        return cls(seconds, seconds)

    def choose_seconds(self, chance: float) -> float:
        """chance: 0 to 1."""
        return self.least_seconds + (self.most_seconds - self.least_seconds) * chance


#: A request is tried until it is answered; the other steps are done once.
Step = Request | Attempt | Receive | Pause
#: `Any`: what came of a step, which is an Answer for a request, and None otherwise.
Flow = Generator[Step, Any, Value]


def ask(request: Request) -> Flow[Answer]:
    """Send a request until it is answered."""
    answer: Answer = yield request
    return answer


def ask_for(request: Request, decode: Callable[..., Value]) -> Flow[Value]:
    """Send a request until it is answered, and read the document of the answer."""
    answer = yield from ask(request)
    return answer.decode(decode)


def get(path: str, parameters: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None) -> Request:
    """A request that reads."""
    return Request("GET", path, parameters, headers or {}, repeat=Repeat.ALWAYS)


def path_of(collection: str, name: str, *steps: str) -> str:
    """Path of one member of a collection, or of something below it; no name leads anywhere else."""
    return "/".join(["/v1", collection, quote(name, safe=""), *steps])


def encode_json(document: object) -> bytes:
    """Write a JSON body. Raises ValueError when it holds NaN or Infinity, which are no JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def choose(**parameters: object) -> list[tuple[str, str]]:
    """The query parameters that are not None."""
    return [(name, str(value)) for name, value in parameters.items() if value is not None]


def authorize(token: str | None) -> dict[str, str]:
    """The header that proves an operator; none without a token."""
    return {"Authorization": f"Bearer {token}"} if token else {}
