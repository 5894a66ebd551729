"""A place where batches are worked through, with real stores of records and files, and workers that die on demand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from redis import Redis

from api.csv_header import CsvOptions, read_layout
from shared.batch_files import batch_folder, input_key, part_folder
from shared.batch_jobs import split_job
from shared.batch_store import CANCELED, REPLACED_SECONDS, Batch
from shared.batches import BatchSpec, BatchStatus
from shared.errors import FileMissing, FileStoreUnavailable
from shared.file_store import PIECE_BYTES, FileStore, FileWriter, LocalFileStore, Pieces, make_file_store
from shared.job_store import Accepted, RedisJobStore
from shared.jobs import JobSpec, Outcome
from shared.manifest import ModelManifest
from shared.messages import StepMessage
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.builders import batch_spec, manifest
from tests.fakes import FakeBroker, TimedRedisBatchStore
from tests.moto_process import CREDENTIALS, MotoProcess
from worker.batch_steps import BatchSteps
from worker.housekeeping import Housekeeping
from worker.lease_keeper import LeaseKeeper
from worker.predictor import Predictor
from worker.predictors import Predictors

HEADER = b"name,height,shoe_size,note\n"
WHOLE_FILE = 1 << 20
#: Height of a person at whom a worker dies.
DEADLY = 200.0
NO_MODELS = Path("/nonexistent")
DOWN = FileStoreUnavailable("The file store cannot be used.")

thorough = hypothesis_settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Died(BaseException):
    """Raised where a worker process would be gone: nothing of ours may catch it."""


@dataclass
class Estimator:
    """Its answer depends on the row and on nothing else; DEADLY ends the worker."""

    #: Rows of each call.
    calls: list[int] = field(default_factory=list)
    #: What happens while the next calls are computed: each is done once.
    meanwhile: list[Callable[[], None]] = field(default_factory=list)

    def predict_proba(self, frame: Any) -> Any:
        self.calls.append(len(frame))
        if self.meanwhile:
            self.meanwhile.pop()()
        if (frame[:, 0] == DEADLY).any():
            raise Died
        share = 1 / (1 + np.exp((frame[:, 0] - 175) / 30))
        return np.column_stack((share, 1 - share))


@dataclass(frozen=True, slots=True)
class Shelf:
    """A file store of one test's own, and a look behind it."""

    files: FileStore
    #: Returns the path below the store of every file that lies under a prefix.
    list_paths: Callable[[str], list[Path]]


def disk_shelf(root: Path) -> Shelf:
    def list_paths(prefix: str) -> list[Path]:
        return [path.relative_to(root) for path in (root / prefix).rglob("*") if path.is_file()]

    return Shelf(LocalFileStore(root), list_paths)


def bucket_shelf(moto: MotoProcess, bucket: str) -> Shelf:
    client = moto.client()
    client.create_bucket(Bucket=bucket)

    def list_paths(prefix: str) -> list[Path]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        return [Path(item["Key"]) for page in pages for item in page.get("Contents", [])]

    return Shelf(make_file_store(f"s3://{bucket}?endpoint_url={moto.url}&region=us-east-1"), list_paths)


class FailingFiles:
    """A real store that is away for the next `failures` files that are begun, and that notes what is read."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self.failures = 0
        #: Key and range of each.
        self.reads: list[tuple[str, int, int | None]] = []
        self.size = files.size
        self.delete_folder = files.delete_folder
        self.folders = files.folders
        self.changed_at = files.changed_at
        self.write_from = files.write_from

    def read(self, key: str, *, start: int = 0, stop: int | None = None, piece_bytes: int = PIECE_BYTES) -> Pieces:
        self.reads.append((key, start, stop))
        return self._files.read(key, start=start, stop=stop, piece_bytes=piece_bytes)

    def read_range(self, key: str, start: int, stop: int) -> bytes:
        return b"".join(self.read(key, start=start, stop=stop))

    def open_writer(self, key: str) -> AbstractContextManager[FileWriter]:
        if self.failures:
            self.failures -= 1
            raise DOWN
        return self._files.open_writer(key)


class DyingJobs(RedisJobStore):
    """The real store; the worker dies just before it accepts steps, or says that one is done."""

    deaths_at_finish = 0
    #: How often it may accept before it dies once; None: always.
    accepts_before_death: int | None = None

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        if self.accepts_before_death == 0:
            self.accepts_before_death = None
            raise Died
        if self.accepts_before_death:
            self.accepts_before_death -= 1
        return super().accept(specs, entry=entry)

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        if self.deaths_at_finish:
            self.deaths_at_finish -= 1
            raise Died
        return super().finish(lane, outcomes, token, busy_seconds=busy_seconds)


class Workplace:
    """Everything that takes a batch to its end, with one worker at a time, in the test's own thread.

    A lease runs out at once, so that a sweep finds every step whose worker died.
    """

    def __init__(self, redis: Redis, settings: Settings, shelf: Shelf, model: ModelManifest | None = None) -> None:
        self.settings = settings.model_copy(
            update={
                "lease_seconds": 1e-6,
                "resend_after_seconds": 1e-6,
                "max_record_bytes": 500,
                "models_dir": NO_MODELS,
            }
        )
        self.jobs = DyingJobs(redis, self.settings)
        self.batches = TimedRedisBatchStore(redis, self.settings)
        self.shelf = shelf
        self.files = FailingFiles(shelf.files)
        self.broker = FakeBroker()
        self.estimator = Estimator()
        self.model = model or manifest()
        self.worker = self.new_worker()
        self.deaths = 0
        self._ids = (f"bat_{number}" for number in count())

    def new_worker(self) -> BatchSteps:
        predictors = Predictors([Predictor(self.model, self.estimator)], self.settings.models_dir)
        return BatchSteps(
            jobs=self.jobs,
            batches=self.batches,
            files=self.files,
            broker=self.broker,
            predictors=predictors,
            leases=LeaseKeeper(self.jobs, self.settings),
            settings=self.settings,
        )

    def replace_model(self, model: ModelManifest) -> None:
        """Go on with a worker that has another model."""
        self.model = model
        self.worker = self.new_worker()

    def allow_records_of(self, size: int) -> None:
        """Go on with a worker that reads longer records."""
        self.settings = self.settings.model_copy(update={"max_record_bytes": size})
        self.worker = self.new_worker()

    def accept(self, document: bytes, *, chunk_bytes: int = WHOLE_FILE, **overrides: Any) -> BatchSpec:
        layout = read_layout(document, self.model.features, CsvOptions(), is_whole=True)
        fields = {"layout": layout, "input_bytes": len(document), "chunk_bytes": chunk_bytes}
        spec = batch_spec(next(self._ids), **fields | overrides)
        with self.files.open_writer(input_key(spec.id)) as writer:
            writer.write(document)
        accepted_at = self.batches.accept(spec, split_job(spec))
        assert isinstance(accepted_at, float)
        self.send(split_job(spec), enqueued_at=accepted_at)
        return spec

    def send(self, job: JobSpec, *, enqueued_at: float = 0.0) -> None:
        self.broker.send([job], enqueued_at=enqueued_at)

    def step(self) -> StepMessage:
        """Take the oldest message and do its step; returns it, as a broker may deliver it again."""
        (job,) = self.broker.sent.pop(0)
        assert job.step is not None
        message = StepMessage(job.id, job.step)
        self.worker.run(message)
        return message

    def run_steps(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def run(self, *, deliveries: int = 1) -> None:
        """Do all steps; a worker that dies is replaced, and the step that it held is sent again."""
        while self.broker.sent:
            self.broker.sent[:1] *= deliveries
            self._try_steps(deliveries)

    def _try_steps(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.step()
            except (Died, FileStoreUnavailable):
                self.deaths += 1
                self.worker = self.new_worker()
                self.sweep()

    def sweep(self) -> None:
        found = self.jobs.sweep(self.broker.oldest_messages())
        for one in found.resend:
            self.send(one.spec, enqueued_at=found.at)

    def score(self, document: bytes, **overrides: Any) -> BatchSpec:
        spec = self.accept(document, **overrides)
        self.run()
        return spec

    def find(self, spec: BatchSpec) -> Batch:
        batch = self.batches.find(spec.id)
        assert batch is not None
        return batch

    def results(self, spec: BatchSpec) -> bytes:
        return b"".join(self._read_parts(spec, "results"))

    def errors(self, spec: BatchSpec) -> bytes:
        return b"".join(self._read_parts(spec, "errors"))

    def _read_parts(self, spec: BatchSpec, what: str) -> Iterator[bytes]:
        for index, part in enumerate(self.batches.parts(spec.id)):
            expected = part.result_bytes if what == "results" else part.error_bytes
            with suppress(FileMissing):
                content = b"".join(self.files.read(f"{part_folder(spec.id, index, part.token)}/{what}.csv"))
                assert len(content) == expected
                yield content

    def tidy(self) -> None:
        """Do what housekeeping does once nobody reads replaced parts any more."""
        self.batches.let_time_pass(REPLACED_SECONDS + 1)
        Housekeeping(self.batches, self.files).run()

    def written(self, spec: BatchSpec) -> list[str]:
        """Return the files of the parts of a batch that stay, with their tokens left out."""
        self.tidy()
        paths = self.shelf.list_paths(f"{batch_folder(spec.id)}/parts")
        return sorted(f"{path.parent.name.split('-')[0]}/{path.name}" for path in paths)


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as server, pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield server


@pytest.fixture(params=["disk", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    """Input, parts and output lie on a disk, and in a bucket."""
    if request.param == "disk":
        return disk_shelf(tmp_path)
    return bucket_shelf(request.getfixturevalue("moto"), f"test-{uuid4()}")


@pytest.fixture
def place(redis: Redis, settings: Settings, shelf: Shelf) -> Workplace:
    return Workplace(redis, settings, shelf)


def people(rows: int, **broken: bytes) -> bytes:
    """Return a file; r3=b"..." puts another record in the place of row 3."""
    lines = [b"p%d,%d,%d,x" % (row, 150 + row % 45, 36 + row % 12) for row in range(1, rows + 1)]
    for name, record in broken.items():
        lines[int(name[1:]) - 1] = record
    return HEADER + b"".join(line + b"\n" for line in lines)


def failed_rows(errors: bytes) -> list[tuple[int, str]]:
    """Return the number and the code of each row in the errors of a file without quotes."""
    return [(int(line.split(b",")[4]), line.split(b",")[5].decode()) for line in errors.splitlines()]


def die_at_once() -> None:
    raise Died


def deliver_again(place: Workplace, step: JobSpec) -> None:
    """Let the lease of a step run out and another worker do it to its end."""
    place.sweep()
    assert step.step is not None
    place.new_worker().run(StepMessage(step.id, step.step))


def cancel(place: Workplace, spec: BatchSpec) -> None:
    place.batches.end(spec.id, BatchStatus.CANCELED, CANCELED)


def forget(place: Workplace, spec: BatchSpec) -> None:
    place.batches.forget(spec.id)
