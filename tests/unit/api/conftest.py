"""One API process on fakes, and what stands in for the workers behind it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from api.app import Collaborators, create_app
from api.flask_on_loop import FlaskOnLoop
from api.gathering import Bounds
from api.group_commit import GroupCommit
from api.health import Readiness
from api.ids import JobIds
from api.key_store import RedisKeys
from api.metrics import MetricsPage
from api.rate_limits import RateLimits
from api.request_counts import RequestCounts
from api.waiters import Waiters
from shared.batch_store import BatchStore
from shared.errors import ServiceError, StoreUnavailable
from shared.file_store import FileStore, LocalFileStore
from shared.job_records import JobEnd
from shared.job_store import CancelVerdict
from shared.jobs import Job, JobSpec, Outcome
from shared.quarantine import RedisQuarantine
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.registry import ServedModel
from shared.settings import Settings
from shared.store_metrics import StoreMetrics
from shared.tally import Tally
from shared.webhook_outbox import RedisWebhookOutbox
from tests.asgi import PATIENCE_SECONDS
from tests.builders import manifest, record
from tests.fakes import FakeBroker, FakeJobStore, FakeRegistry, TimedRedisBatchStore


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def finish(jobs: FakeJobStore, job_id: str, outcome: Outcome) -> None:
    """Do what a worker does with a job: claim it, and write how it ended."""
    jobs.claim([job_id], "t1")
    jobs.finish(Lane.INTERACTIVE, {job_id: outcome}, "t1", busy_seconds=0.01)


class TestHasEnded(Exception):
    """Raised in a thread that otherwise lives as long as the process."""


class EndingGroupCommit(GroupCommit):
    """Group commit whose thread ends with its test."""

    _is_over = False

    def end(self) -> None:
        """Let the thread end once it has done what is due."""
        self._is_over = True
        # It wakes the thread.
        self.answered([])

    def _run(self) -> None:
        with suppress(TestHasEnded):
            super()._run()

    def _take_in(self, seconds: float | None) -> None:
        super()._take_in(seconds)
        if self._is_over:
            raise TestHasEnded


class EndingWaiters(Waiters):
    """Waiters whose threads end with their test."""

    _is_over = False

    def end(self) -> None:
        self._is_over = True
        # It wakes the thread that listens; the other one never sleeps for long.
        self._redis.publish(self.reply_to, "[]")

    def tell(self, ends: Mapping[str, JobEnd | None]) -> None:
        self._require_test()
        super().tell(ends)

    def look(self, *, is_thorough: bool) -> None:
        self._require_test()
        super().look(is_thorough=is_thorough)

    def _require_test(self) -> None:
        if self._is_over:
            raise TestHasEnded

    def _listen(self) -> None:
        with suppress(TestHasEnded):
            super()._listen()

    def _look_for_ever(self) -> None:
        with suppress(TestHasEnded):
            super()._look_for_ever()


class AnsweringBroker(FakeBroker):
    """A broker with a worker behind it: with an `outcome`, a job is final as soon as it is sent."""

    def __init__(self, jobs: FakeJobStore) -> None:
        super().__init__()
        self.outcome: Outcome | None = None
        #: Tells the API process how its jobs ended.
        self.tell: Callable[[Mapping[str, JobEnd | None]], None] = lambda _ends: None
        self._jobs = jobs

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        super().send(specs, enqueued_at=enqueued_at)
        if self.outcome is None:
            return
        for spec in specs:
            finish(self._jobs, spec.id, self.outcome)
        self.tell({spec.id: self._jobs.end_of(spec.id) for spec in specs})


@dataclass
class FailingRegistry(FakeRegistry):
    """A registry that answers with a fault while a test gives it one."""

    fault: ServiceError | None = None

    def served_models(self) -> list[ServedModel]:
        self._require_no_fault()
        return super().served_models()

    def live_workers(self, lane: Lane) -> int:
        self._require_no_fault()
        return super().live_workers(lane)

    def _require_no_fault(self) -> None:
        if self.fault is not None:
            raise self.fault


class StoreAway(FakeJobStore):
    """A store that does not answer."""

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> Any:
        raise StoreUnavailable

    def find(self, job_id: str) -> Job | None:
        raise StoreUnavailable

    def ended(self, job_ids: Sequence[str]) -> list[str]:
        raise StoreUnavailable

    def cancel(self, job_id: str) -> CancelVerdict:
        raise StoreUnavailable


@dataclass
class Api:
    """One API process: a client of it, and its collaborators."""

    client: FlaskClient
    jobs: FakeJobStore
    broker: AnsweringBroker
    registry: FailingRegistry
    waiters: Waiters
    ids: JobIds
    batches: BatchStore
    files: FileStore
    keys: RedisKeys

    def submit(
        self, records: object = None, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> TestResponse:
        """Submit one good record, or the records given."""
        document = {"input": record() if records is None else records, **members}
        return self.client.post("/v1/predictions", json=document, headers=headers)

    def predict(
        self, records: object = None, *, headers: Mapping[str, str] | None = None, path: str = "gender/predict"
    ) -> TestResponse:
        """Predict one good record, or the records given, and wait."""
        document = record() if records is None else records
        return self.client.post(f"/v1/models/{path}", json=document, headers=headers)

    def submit_and_finish(self, outcome: Outcome) -> str:
        """Return the path of a job that a worker has finished."""
        job_id = document_of(self.submit())["id"]
        finish(self.jobs, job_id, outcome)
        return f"/v1/predictions/{job_id}"


def document_of(response: TestResponse) -> dict[str, Any]:
    """Return the JSON object of an answer."""
    document = response.get_json(force=True)
    assert isinstance(document, dict)
    return document


def front_of(api: Api, *, patience_seconds: float = PATIENCE_SECONDS) -> FlaskOnLoop:
    """Return the ASGI application that a web server gets."""
    application: Any = api.client.application
    return FlaskOnLoop(
        application,
        threads=2,
        patience_seconds=patience_seconds,
        never_blocks=application.never_blocks,
        express=application.express.answer,
    )


class ApiMaker(Protocol):
    """Makes an API process; keywords besides `jobs`, `models`, `batches` and `files` are settings."""

    def __call__(
        self,
        jobs: Callable[[Settings], FakeJobStore] = ...,
        models: list[ServedModel] | None = ...,
        *,
        batches: Callable[..., BatchStore] = ...,
        files: Callable[[Path], FileStore] = ...,
        **settings: object,
    ) -> Api: ...


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings under which nothing waits for long."""
    return settings.model_copy(update={"default_wait_seconds": 0.05, "max_waiters": 2})


@pytest.fixture
def make_api(settings: Settings, redis: Redis, tmp_path: Path) -> Iterator[ApiMaker]:
    groups: list[EndingGroupCommit] = []

    def make(
        jobs: Callable[[Settings], FakeJobStore] = FakeJobStore,
        models: list[ServedModel] | None = None,
        *,
        batches: Callable[..., BatchStore] = TimedRedisBatchStore,
        files: Callable[[Path], FileStore] = LocalFileStore,
        **overrides: object,
    ) -> Api:
        own_settings = settings.model_copy(update=overrides)
        store, rates = jobs(own_settings), RateLimits()
        store.on_debt = rates.note
        broker = AnsweringBroker(store)
        tally = Tally()
        counts = RequestCounts(tally)
        bounds = Bounds(own_settings.message_rows, own_settings.message_bytes)
        group = EndingGroupCommit(store, broker, bounds, on_accepted=counts.accepted)
        group.start()
        groups.append(group)
        waiters = Waiters(store, redis, own_settings, on_ends=group.answered)
        broker.tell = waiters.tell
        registry = FailingRegistry([ServedModel(manifest(), is_ready=True)] if models is None else models)
        ids, keys = JobIds(redis, own_settings), RedisKeys(redis, own_settings)
        batch_store, file_store = batches(redis, own_settings, on_debt=rates.note), files(tmp_path)
        collaborators = Collaborators(
            jobs=store,
            batches=batch_store,
            files=file_store,
            broker=broker,
            registry=registry,
            group=group,
            waiters=waiters,
            ids=ids,
            readiness=Readiness(broker, registry),
            quarantine=RedisQuarantine(redis, own_settings),
            counts=counts,
            metrics=MetricsPage(tally, StoreMetrics(redis, own_settings), registry),
            keys=keys,
            rates=rates,
            outbox=RedisWebhookOutbox(redis, own_settings),
        )
        app = create_app(own_settings, collaborators)
        return Api(app.test_client(), store, broker, registry, waiters, ids, batch_store, file_store, keys)

    yield make
    for group in groups:
        group.end()


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    """An API process that serves one model."""
    return make_api()
