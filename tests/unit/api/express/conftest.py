"""Two API processes in the same state: one answers as plain Flask, the other on the event loop with express."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from api import served_models
from api.app import RowcallApp
from api.flask_on_loop import FlaskOnLoop
from shared.errors import ServiceError
from shared.job_store import Accepted
from shared.jobs import Job, JobSpec, Outcome
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.asgi import PATIENCE_SECONDS, AsgiServer
from tests.builders import record
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of

SUBMIT = "/v1/predictions"
PREDICT = "/v1/models/gender/predict"
JSON = {"Content-Type": "application/json"}

Headers = Mapping[str, str] | list[tuple[str, str]]


class CountingStore(FakeJobStore):
    """A store that counts the jobs that it was asked to accept, and answers with a fault while it has one."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked = 0
        self.fault: ServiceError | None = None

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        self.asked += len(specs)
        if self.fault is not None:
            raise self.fault
        return super().accept(specs, entry=entry)

    def find(self, job_id: str) -> Job | None:
        if self.fault is not None:
            raise self.fault
        return super().find(job_id)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    path: str
    body: bytes
    headers: Headers
    query: bytes = b""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer without what is random in it, and how many jobs the store was asked to accept for it."""

    status: int
    headers: list[tuple[str, str]]
    body: str
    jobs: int


_RANDOM = ((re.compile(r"prd_[0-9a-f]{40}"), "prd_…"), (re.compile(r"\b[0-9a-f]{32}\b"), "…"))


def without_random(text: str) -> str:
    for pattern, replacement in _RANDOM:
        text = pattern.sub(replacement, text)
    return text


class Pair:
    """Asks both processes the same."""

    def __init__(self, apis: list[Api]) -> None:
        self.plain, self.fast = apis
        application = self.fast.client.application
        assert isinstance(application, RowcallApp)
        self.reached_flask = 0
        self._application = application
        self._front = FlaskOnLoop(
            self._count,
            threads=2,
            patience_seconds=PATIENCE_SECONDS,
            never_blocks=application.never_blocks,
            express=application.express.answer,
        )
        self.server = AsgiServer(self._front)

    def _count(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.reached_flask += 1
        return self._application(environ, start_response)

    def set_up(self, *, outcome: Outcome | None = None, fault: ServiceError | None = None) -> None:
        """Let the workers behind both end each job so, or the stores refuse it."""
        for api in (self.plain, self.fast):
            assert isinstance(api.jobs, CountingStore)
            api.broker.outcome = outcome
            api.jobs.fault = fault

    def ask_both(self, asked: Asked) -> tuple[Answered, Answered]:
        """Return the answer of the fast process, and that of the plain one."""
        self.let_time_pass(0.1)
        return self.ask_fast(asked), self._ask_plain(asked)

    def submit_both(self) -> tuple[str, str]:
        """Submit one job to each; returns the id in the fast process, and that in the plain one."""
        self.let_time_pass(0.1)
        fast, plain = (document_of(api.submit())["id"] for api in (self.fast, self.plain))
        return fast, plain

    def read_both(
        self, job_ids: tuple[str, str], headers: Headers | None = None, **asked: Any
    ) -> tuple[Answered, Answered]:
        """Return the answer of the fast process to a read of its job, and that of the plain one."""
        fast, plain = (
            Asked(f"{SUBMIT}/{job_id}", asked.get("body", b""), headers or {}, asked.get("query", b""), "GET")
            for job_id in job_ids
        )
        return self.ask_fast(fast), self._ask_plain(plain)

    def let_time_pass(self, seconds: float) -> None:
        # Jobs of the same moment stand in line by their random ids.
        for api in (self.plain, self.fast):
            api.jobs.let_time_pass(seconds)

    def ask_fast(self, asked: Asked) -> Answered:
        before = _jobs(self.fast)
        answer = self.server.request(asked.method, asked.path, asked.body, headers=asked.headers, query=asked.query)
        return _answered(answer.status, answer.headers, answer.body, _jobs(self.fast) - before)

    def _ask_plain(self, asked: Asked) -> Answered:
        before = _jobs(self.plain)
        answer = self.plain.client.open(
            asked.path,
            method=asked.method,
            data=asked.body,
            headers=asked.headers,
            query_string=asked.query.decode("latin-1"),
        )
        headers = [(name.lower(), value) for name, value in answer.headers]
        return _answered(answer.status_code, headers, answer.data, _jobs(self.plain) - before)


def _jobs(api: Api) -> int:
    assert isinstance(api.jobs, CountingStore)
    return api.jobs.asked


def _answered(status: int, headers: list[tuple[str, str]], body: bytes, jobs: int) -> Answered:
    # The tag is a hash over the id. The server dates what has no date.
    shown = [(name, "a tag" if name == "etag" else without_random(value)) for name, value in headers if name != "date"]
    return Answered(status, sorted(shown), without_random(body.decode()), jobs)


class PairMaker:
    """Makes pairs; keywords are settings."""

    def __init__(self, make_api: ApiMaker, servers: ExitStack) -> None:
        self._make_api = make_api
        self._servers = servers

    def __call__(self, **settings: Any) -> Pair:
        pair = Pair([self._make_api(CountingStore, **{"max_wait_seconds": 0.05, **settings}) for _ in range(2)])
        self._servers.enter_context(pair.server)
        # From now on the models and the key of the ids are at hand, so nothing blocks.
        for api in (pair.plain, pair.fast):
            api.client.get("/v1/models")
            api.ids.new()
        return pair


@pytest.fixture
def make_pair(make_api: ApiMaker, monkeypatch: pytest.MonkeyPatch) -> Iterator[PairMaker]:
    # However slow the machine is, the models do not grow old.
    monkeypatch.setattr(served_models, "REFRESH_SECONDS", 3_600.0)
    with ExitStack() as servers:
        yield PairMaker(make_api, servers)


@pytest.fixture
def pair(make_pair: PairMaker) -> Pair:
    return make_pair()


def good_input(path: str, **overrides: Any) -> Any:
    """Return a good body of this path."""
    return {"input": record(**overrides)} if path == SUBMIT else record(**overrides)
