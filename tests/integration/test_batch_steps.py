"""What the steps of a batch promise, with a real store and a real disk: every row comes back once, whatever dies."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis

from api.csv_header import CsvOptions, read_layout
from shared.batch_files import batch_folder, input_key, part_folder
from shared.batch_jobs import STEP_ATTEMPTS, chunk_job, split_job
from shared.batch_store import CANCELED, Batch, RedisBatchStore
from shared.batches import BatchError, BatchErrorCode, BatchSpec, BatchStatus
from shared.errors import FileMissing, FileStoreUnavailable
from shared.file_store import LocalFileStore
from shared.job_store import RedisJobStore
from shared.jobs import JobSpec, JobStatus, ModelRef, Outcome
from shared.manifest import ModelManifest
from shared.messages import StepMessage
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import batch_spec, manifest
from tests.fakes import FakeBroker
from worker.batch_steps import BatchSteps
from worker.lease_keeper import LeaseKeeper
from worker.predictor import Predictor
from worker.predictors import Predictors

HEADER = b"name,height,shoe_size,note\n"
WHOLE_FILE = 1 << 20
#: Height of a person at whom a worker dies.
DEADLY = 200.0
DOWN = FileStoreUnavailable("The disk cannot be used.")

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


class FailingFiles(LocalFileStore):
    """A local store that is away for the next `failures` files that are begun."""

    failures = 0

    def open_writer(self, key: str) -> Any:
        if self.failures:
            self.failures -= 1
            raise DOWN
        return super().open_writer(key)


class DyingJobs(RedisJobStore):
    """The real store; the worker dies just before it says that a step is done."""

    deaths_at_finish = 0

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        if self.deaths_at_finish:
            self.deaths_at_finish -= 1
            raise Died
        return super().finish(lane, outcomes, token, busy_seconds=busy_seconds)


class Workplace:
    """Everything that takes a batch to its end, with one worker at a time, in the test's own thread.

    A lease runs out at once, so that a sweep finds every step whose worker died.
    """

    def __init__(self, redis: Redis, settings: Settings, folder: Path, model: ModelManifest | None = None) -> None:
        self.settings = settings.model_copy(
            update={"lease_seconds": 1e-6, "resend_after_seconds": 1e-6, "max_record_bytes": 500, "models_dir": folder}
        )
        self.jobs = DyingJobs(redis, self.settings)
        self.batches = RedisBatchStore(redis, self.settings)
        self.files = FailingFiles(folder)
        self.broker = FakeBroker()
        self.estimator = Estimator()
        self.model = model or manifest()
        self.worker = self.new_worker()
        self.deaths = 0
        self._folder = folder
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
        self.send(split_job(spec), enqueued_at=self.batches.accept(spec, split_job(spec)))
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

    def written(self, spec: BatchSpec) -> list[str]:
        """Return the files of the parts of a batch, with their tokens left out."""
        root = self._folder / batch_folder(spec.id) / "parts"
        files = [path for path in root.rglob("*") if path.is_file()]
        return sorted(f"{path.parent.name.split('-')[0]}/{path.name}" for path in files)


@pytest.fixture
def place(redis: Redis, settings: Settings, tmp_path: Path) -> Workplace:
    return Workplace(redis, settings, tmp_path)


def people(rows: int, **broken: bytes) -> bytes:
    """Return a file; r3=b"..." puts another record in the place of row 3."""
    lines = [b"p%d,%d,%d,x" % (row, 150 + row % 45, 36 + row % 12) for row in range(1, rows + 1)]
    for name, record in broken.items():
        lines[int(name[1:]) - 1] = record
    return HEADER + b"".join(line + b"\n" for line in lines)


def dead_rows(errors: bytes) -> list[tuple[bytes, bytes]]:
    """Return the name and the number of each row at which workers died."""
    cells = [line.split(b",") for line in errors.splitlines()]
    return [(one[0], one[4]) for one in cells if one[5] == b"worker_died"]


def failed_rows(errors: bytes) -> list[tuple[int, str]]:
    """Return the number and the code of each row in the errors of a file without quotes."""
    return [(int(line.split(b",")[4]), line.split(b",")[5].decode()) for line in errors.splitlines()]


@pytest.mark.parametrize(
    "chunk_bytes",
    [
        pytest.param(1, id="a chunk for each row"),
        pytest.param(15, id="about a row"),
        pytest.param(100, id="several rows"),
        pytest.param(len(people(40)) - len(HEADER), id="all rows exactly"),
        pytest.param(len(people(40)) - len(HEADER) - 1, id="one byte less than all rows"),
    ],
)
def test_any_size_of_chunk_gives_the_same_bytes(place: Workplace, chunk_bytes: int) -> None:
    document = people(40, r3=b"p3,,44,x", r17=b'"p\n17",tall,44,x', r40=b"p40,181,44")
    whole = place.score(document)

    cut = place.score(document, chunk_bytes=chunk_bytes)

    assert place.results(cut) == place.results(whole)
    assert place.errors(cut) == place.errors(whole)


RECORDS = st.sampled_from(
    [
        b"a,181,44,x",
        b"b,1.81,44,x",
        b"c,,44,x",
        b"d,181",
        b"e,181,44,x,y",
        b'"f\nf",181,44,"x\r\n,"',
        b'"g""g",199.5,44,5\'11"',
        b"",
        b'h,"181",44,"a,b"',
        b"\xff,160,40,x",
    ]
)


@thorough
@given(
    records=st.lists(RECORDS, min_size=1, max_size=12).filter(any),
    newline=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    chunk_bytes=st.integers(1, 120),
    is_terminated=st.booleans(),
)
def test_no_cut_changes_what_comes_back(
    place: Workplace, records: list[bytes], newline: bytes, chunk_bytes: int, is_terminated: bool
) -> None:
    document = HEADER.rstrip() + newline + newline.join(records) + newline * is_terminated
    whole = place.score(document)

    cut = place.score(document, chunk_bytes=chunk_bytes)

    assert (place.results(cut), place.errors(cut)) == (place.results(whole), place.errors(whole))
    assert place.find(cut).rows_total == place.find(cut).rows_done == len([record for record in records if record])


def test_a_row_comes_back_as_it_came_followed_by_what_the_model_says(place: Workplace) -> None:
    spec = place.score(HEADER + b'"a ""b""", 175 ,44,"x\ny"\r\n')

    assert place.results(spec) == b'"a ""b""", 175 ,44,"x\ny",female,0.5,0.5,ok,,\r\n'


def test_a_batch_counts_its_rows_and_what_is_wrong_with_them(place: Workplace) -> None:
    spec = place.score(people(30, r2=b"p2,,44,x", r9=b"p9,tall,44,x", r30=b"p30,,44,x"), chunk_bytes=100)

    batch = place.find(spec)
    assert (batch.status, batch.rows_total, batch.rows_done, batch.rows_failed) == (BatchStatus.COMPLETED, 30, 30, 3)
    assert batch.chunks_done == batch.chunks_total
    assert batch.errors_by_code == {"missing_value": 2, "not_a_number": 1}


def test_the_errors_number_the_rows_of_the_whole_file(place: Workplace) -> None:
    document = people(30, r1=b"p1,,44,x", r14=b"p14,tall,44,x", r30=b"p30,1.81,44,x").replace(b"\n", b"\n\n")

    spec = place.score(document, chunk_bytes=50)

    assert failed_rows(place.errors(spec)) == [(1, "missing_value"), (14, "not_a_number"), (30, "out_of_range")]


def test_a_chunk_without_bad_rows_has_no_file_of_errors(place: Workplace) -> None:
    document = people(3, r2=b"p2,,44,x")

    spec = place.score(document, chunk_bytes=1)

    assert place.written(spec) == [
        "00000000/results.csv",
        "00000001/errors.csv",
        "00000001/results.csv",
        "00000002/results.csv",
    ]


def test_every_step_may_be_delivered_twice(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    once = place.score(document, chunk_bytes=60)
    spec = place.accept(document, chunk_bytes=60)

    place.run(deliveries=2)

    assert (place.results(spec), place.written(spec)) == (place.results(once), place.written(once))
    assert place.find(spec).rows_done == 20


def test_a_step_that_is_done_is_not_done_again(place: Workplace) -> None:
    place.accept(people(5))
    place.step()
    chunk = place.step()
    calls = list(place.estimator.calls)

    place.worker.run(chunk)

    assert place.estimator.calls == calls


def die_at_once() -> None:
    raise Died


def test_a_chunk_whose_worker_died_is_scored_once_by_the_next(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    place.estimator.meanwhile = [die_at_once, die_at_once]

    spec = place.score(document, chunk_bytes=100)

    assert place.deaths == 2
    assert (place.results(spec), place.errors(spec)) == (place.results(undisturbed), place.errors(undisturbed))
    assert place.written(spec) == place.written(undisturbed)
    assert (place.find(spec).rows_done, place.find(spec).errors_by_code) == (20, {"missing_value": 1})


def test_a_chunk_recorded_by_a_worker_that_died_before_it_could_say_so_is_counted_once(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    spec = place.accept(document, chunk_bytes=100)
    place.jobs.deaths_at_finish = 3

    place.run()

    assert place.deaths == 3
    assert (place.results(spec), place.written(spec)) == (place.results(undisturbed), place.written(undisturbed))
    assert (place.find(spec).rows_done, place.find(spec).rows_failed) == (20, 1)


def deliver_again(place: Workplace, step: JobSpec) -> None:
    """Let the lease of a step run out and another worker do it to its end."""
    place.sweep()
    assert step.step is not None
    place.new_worker().run(StepMessage(step.id, step.step))


def test_of_two_attempts_at_the_same_time_one_counts_and_the_files_of_the_other_are_deleted(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document)
    spec = place.accept(document)
    place.estimator.meanwhile = [lambda: deliver_again(place, chunk_job(spec, 0))]

    place.run()

    assert place.estimator.meanwhile == []
    assert (place.results(spec), place.errors(spec)) == (place.results(undisturbed), place.errors(undisturbed))
    assert place.written(spec) == ["00000000/errors.csv", "00000000/results.csv"]
    assert place.find(spec).rows_done == 20


def test_a_file_is_split_alike_by_two_attempts_at_the_same_time(place: Workplace) -> None:
    document = people(60)
    undisturbed = place.score(document, chunk_bytes=40)
    spec = place.accept(document, chunk_bytes=40)
    place.step()
    place.broker.sent.insert(0, [split_job(spec)])

    place.run()

    assert place.results(spec) == place.results(undisturbed)
    assert place.find(spec).chunks_total == place.find(undisturbed).chunks_total


def test_a_disk_that_is_away_costs_attempts_and_no_rows(place: Workplace) -> None:
    document = people(20, r4=b"p4,,44,x")
    undisturbed = place.score(document, chunk_bytes=100)
    spec = place.accept(document, chunk_bytes=100)
    place.files.failures = 3

    place.run()

    assert place.results(spec) == place.results(undisturbed)
    assert place.errors(spec) == place.errors(undisturbed)


def cancel(place: Workplace, spec: BatchSpec) -> None:
    place.batches.end(spec.id, BatchStatus.CANCELED, CANCELED)


def fail(place: Workplace, spec: BatchSpec) -> None:
    place.batches.end(spec.id, BatchStatus.FAILED, BatchError(BatchErrorCode.ABORTED_ON_ERROR, "a row failed"))


def forget(place: Workplace, spec: BatchSpec) -> None:
    place.batches.forget(spec.id)


ENDINGS = [
    pytest.param(cancel, id="canceled"),
    pytest.param(fail, id="failed"),
    pytest.param(forget, id="unknown"),
]


@pytest.mark.parametrize("end", ENDINGS)
@pytest.mark.parametrize("done", [pytest.param(0, id="split"), pytest.param(1, id="chunk")])
def test_a_step_of_a_batch_that_has_ended_writes_nothing(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None], done: int
) -> None:
    spec = place.accept(people(20))
    place.run_steps(done)
    end(place, spec)

    message = place.step()

    job = place.jobs.find(message.job_id)
    assert job is not None
    assert job.status is JobStatus.SUCCEEDED
    assert (place.written(spec), place.estimator.calls, place.broker.sent) == ([], [], [])


@pytest.mark.parametrize("end", ENDINGS)
def test_a_chunk_that_is_done_too_late_leaves_no_files(
    place: Workplace, end: Callable[[Workplace, BatchSpec], None]
) -> None:
    spec = place.accept(people(20, r4=b"p4,,44,x"))
    place.estimator.meanwhile = [lambda: end(place, spec)]

    place.run()

    assert place.estimator.calls != []
    assert place.written(spec) == []


def test_the_parts_done_before_a_batch_was_canceled_can_be_read(place: Workplace) -> None:
    document = people(20)
    whole = place.score(document)
    spec = place.accept(document, chunk_bytes=50)
    place.step()
    place.step()
    cancel(place, spec)

    place.run()

    assert place.results(spec) != b""
    assert place.results(whole).startswith(place.results(spec))
    assert place.find(spec).status is BatchStatus.CANCELED


def test_a_model_version_that_is_gone_fails_the_batch(place: Workplace) -> None:
    spec = place.score(people(20), model=ModelRef("gender", "0", "0" * 64))

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.MODEL_UNAVAILABLE)
    assert "gender/0" in batch.error.detail
    assert place.written(spec) == []


@pytest.mark.parametrize("mark", [pytest.param(b"", id="plain"), pytest.param(b"\xef\xbb\xbf\n", id="after a mark")])
def test_an_endless_record_fails_the_batch_with_its_place_in_the_file(place: Workplace, mark: bytes) -> None:
    document = mark + people(5)

    spec = place.score(document + b'"open,181,44,x\n' + b"a,181,44,x\n" * 100)

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.RECORD_TOO_LONG)
    assert f"begins at byte {len(document)} has more than 500 bytes" in batch.error.detail


def test_a_quote_that_a_short_file_never_closes_fails_only_the_row_that_opens_it(place: Workplace) -> None:
    spec = place.score(people(5) + b'"open,181,44,x\na,181,44,x\n')

    batch = place.find(spec)
    assert (batch.status, batch.rows_total, batch.rows_failed) == (BatchStatus.COMPLETED, 6, 1)
    assert batch.errors_by_code == {"wrong_column_count": 1}


def test_chunks_that_cannot_be_sent_are_left_to_the_sweeper_and_all_rows_come_back(place: Workplace) -> None:
    document = people(60)
    undisturbed = place.score(document, chunk_bytes=40)
    spec = place.accept(document, chunk_bytes=40)
    place.broker.is_down = True
    place.step()
    place.broker.is_down = False
    before = place.find(spec)

    place.sweep()
    place.run()

    assert (before.status, before.rows_total, before.rows_done) == (BatchStatus.RUNNING, 60, 0)
    assert place.find(spec).status is BatchStatus.COMPLETED
    assert place.results(spec) == place.results(undisturbed)


@pytest.mark.parametrize(
    ("rows", "deadly"),
    [
        pytest.param(1, (1,), id="the only row"),
        pytest.param(40, (1,), id="the first"),
        pytest.param(40, (40,), id="the last"),
        pytest.param(600, (123,), id="one of many"),
        pytest.param(300, (7, 8, 250), id="several"),
    ],
)
def test_a_row_at_which_workers_die_fails_alone(place: Workplace, rows: int, deadly: tuple[int, ...]) -> None:
    document = people(rows, **{f"r{row}": b"dead%d,200,44,x" % row for row in deadly})

    spec = place.score(document)

    batch = place.find(spec)
    assert (batch.status, batch.rows_done, batch.rows_failed) == (BatchStatus.COMPLETED, rows, len(deadly))
    assert dead_rows(place.errors(spec)) == [(b"dead%d" % row, b"%d" % row) for row in deadly]
    assert place.deaths < STEP_ATTEMPTS


def test_the_neighbors_of_a_deadly_row_come_back_as_if_it_were_not_there(place: Workplace) -> None:
    undisturbed = place.score(people(40, r8=b"p8,,44,x", r12=b"p12,,44,x"), chunk_bytes=200)

    spec = place.score(people(40, r8=b"p8,,44,x", r12=b"p12,200,44,x"), chunk_bytes=200)

    found, expected = place.results(spec).splitlines(), place.results(undisturbed).splitlines()
    assert found[:11] + found[12:] == expected[:11] + expected[12:]
    assert failed_rows(place.errors(spec)) == [(8, "missing_value"), (12, "worker_died")]


def test_deadly_rows_of_several_chunks_are_all_found(place: Workplace) -> None:
    document = people(60, r2=b"p2,200,44,x", r31=b"p31,200,44,x", r59=b"p59,200,44,x")

    spec = place.score(document, chunk_bytes=150)

    assert failed_rows(place.errors(spec)) == [(2, "worker_died"), (31, "worker_died"), (59, "worker_died")]


def test_workers_that_die_of_something_else_cost_no_row(place: Workplace) -> None:
    document = people(40)
    undisturbed = place.score(document)
    place.estimator.meanwhile = [die_at_once] * 3

    spec = place.score(document)

    assert place.deaths == 3
    assert place.results(spec) == place.results(undisturbed)


def test_a_chunk_at_which_every_worker_dies_fails_its_batch(place: Workplace) -> None:
    place.estimator.meanwhile = [die_at_once] * 100

    spec = place.score(people(3_000))

    batch = place.find(spec)
    assert batch.error is not None
    assert (batch.status, batch.error.code) == (BatchStatus.FAILED, BatchErrorCode.WORKER_DIED)
    assert place.deaths == STEP_ATTEMPTS
