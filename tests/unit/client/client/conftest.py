"""A library client on a transport that plays a script, in time that passes without waiting."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from rowcall_client import RowcallClient

Document = dict[str, Any]
Make = Callable[..., Document]
Answer = httpx2.Response | Exception
#: How the service begins a stream of events.
HELLO = "retry: 1500\n\n"
ROW = {"height": 181, "weight": 80.5, "shoe_size": 44}


@dataclass
class Script:
    """Answers requests one after the other, and passes time without waiting."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    #: How long the server takes for each answer.
    answer_seconds: float = 0.0
    now: float = 0.0
    #: Where in its range each pause is: 0 to 1.
    luck: float = 1.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.now += self.answer_seconds
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def chance(self) -> float:
        return self.luck

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]

    @property
    def preferences(self) -> list[str | None]:
        return [request.headers.get("Prefer") for request in self.requests]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def client(script: Script) -> Iterator[RowcallClient]:
    transport = httpx2.MockTransport(script)
    with RowcallClient(
        transport=transport, sleep=script.sleep, clock=lambda: script.now, chance=script.chance
    ) as client:
        yield client


def answer(document: Any, status: int = 200, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, json=document, headers=named)


def event(name: str, event_id: str | None, document: Document) -> str:
    own = f"id: {event_id}\n" if event_id else ""
    return f"event: {name}\n{own}data: {json.dumps(document)}\n\n"


def stream(*parts: str) -> httpx2.Response:
    return httpx2.Response(200, text="".join(parts), headers={"Content-Type": "text/event-stream"})


def queued(**members: Any) -> str:
    return event("queued", "0-0-0", {"id": "prd_1", **members})
