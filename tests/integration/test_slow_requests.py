"""A slow request holds up the jobs of its own message, and nobody else's while another worker is free.

The group, the records, the notifications and the workers' half are the real ones; a message goes from hand to hand.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread

import numpy as np
import pytest
from numpy.typing import NDArray
from redis import Redis

from api.flag import Flag
from api.gathering import Bounds
from shared.job_store import RedisJobStore
from shared.jobs import JobSpec, JobStatus
from shared.messages import PredictMessage
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec, manifest, rows
from tests.fakes import FakeBroker
from tests.unit.api.conftest import EndingGroupCommit, EndingWaiters
from worker.lease_keeper import LeaseKeeper
from worker.micro_batch import MicroBatch
from worker.predictor import Predictor
from worker.predictors import Predictors

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0
#: A person for whom the model takes as long as a test wants.
SLOW_HEIGHT = 199.0


class HeldModel:
    """Says the same of everybody; a call with the slow person in it goes on when a test lets it."""

    def __init__(self) -> None:
        self.is_reached = Event()
        self.may_go_on = Event()

    def predict_proba(self, frame: NDArray[np.float64]) -> NDArray[np.float64]:
        if SLOW_HEIGHT in frame[:, 0]:
            self.is_reached.set()
            assert self.may_go_on.wait(PATIENCE_SECONDS)
        return np.full((len(frame), 2), 0.5)


class HandingBroker(FakeBroker):
    """Hands each message to the next worker that is free."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: SimpleQueue[Sequence[JobSpec] | None] = SimpleQueue()

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        super().send(specs, enqueued_at=enqueued_at)
        self.queue.put(specs)

    def work(self, run: Callable[[PredictMessage], None]) -> None:
        for specs in iter(self.queue.get, None):
            run(PredictMessage.of(specs))


class Service:
    """One API process, and two workers that hold one model."""

    def __init__(self, redis: Redis, settings: Settings, models_dir: Path) -> None:
        self.jobs = RedisJobStore(redis, settings)
        self.model = HeldModel()
        self.broker = HandingBroker()
        self.group = EndingGroupCommit(self.jobs, self.broker, Bounds(rows=100, size_bytes=10_000))
        self.waiters = EndingWaiters(self.jobs, redis, settings, on_ends=self.group.answered)
        self._running = ExitStack()
        self._micro_batches = [
            MicroBatch(
                self.jobs, Predictors([Predictor(manifest(), self.model)], models_dir), LeaseKeeper(self.jobs, settings)
            )
            for _ in range(2)
        ]
        workers_key = f"{settings.key_root}workers:{Lane.INTERACTIVE.value}"
        redis.zadd(workers_key, {"worker-1": time.time() + 3_600, "worker-2": time.time() + 3_600})

    def start(self) -> None:
        self.waiters.start()
        self._workers = [Thread(target=self.broker.work, args=[one.run]) for one in self._micro_batches]
        for worker in self._workers:
            worker.start()
        self.group.start()

    def end(self) -> None:
        self.model.may_go_on.set()
        for _ in self._workers:
            self.broker.queue.put(None)
        for worker in self._workers:
            worker.join()
        self._running.close()
        self.group.end()
        self.waiters.end()

    def ask(self, job_id: str, height: float = 181.0) -> Flag:
        """Take a job on for a client that waits; returns what is raised when it has its end."""
        spec = job_spec(job_id, rows=rows(height), reply_to=self.waiters.reply_to)
        maker = self._running.enter_context(self.waiters.maker_place(job_id))
        assert maker is not None
        self.group.add(spec, size_bytes=10, result=maker.ended)
        return maker.ended

    def status(self, job_id: str) -> JobStatus:
        job = self.jobs.find(job_id)
        assert job is not None
        return job.status


@pytest.fixture
def service(redis: Redis, settings: Settings, tmp_path: Path) -> Iterator[Service]:
    service = Service(redis, settings, tmp_path)
    yield service
    service.end()


def test_a_slow_request_holds_up_the_jobs_of_its_own_message_only(service: Service) -> None:
    # What was asked for before the start leaves as one message.
    slow, companion = service.ask("prd_slow", SLOW_HEIGHT), service.ask("prd_companion")
    service.start()
    assert service.model.is_reached.wait(PATIENCE_SECONDS)

    others = [service.ask(job_id).wait(PATIENCE_SECONDS) for job_id in ("prd_a", "prd_b", "prd_c")]

    assert others == [True, True, True]
    assert [service.status(job_id) for job_id in ("prd_slow", "prd_companion")] == [JobStatus.RUNNING] * 2
    service.model.may_go_on.set()
    assert [ended.wait(PATIENCE_SECONDS) for ended in (slow, companion)] == [True, True]
    assert [[spec.id for spec in specs] for specs in service.broker.sent] == [
        ["prd_slow", "prd_companion"],
        ["prd_a"],
        ["prd_b"],
        ["prd_c"],
    ]
