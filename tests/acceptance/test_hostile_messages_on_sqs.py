"""What test_hostile_messages.py holds for Redis holds on SQS: no code runs, no worker stops, nothing is quoted.

A message is gone at once, or it comes back a few times and is then set aside: none circles for ever.
"""

import base64
import json
import pickle
import subprocess
import time
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from shared.broker import make_celery
from shared.brokers import make_broker
from shared.job_store import RedisJobStore
from shared.jobs import JobStatus
from shared.queues import Lane, TaskName
from shared.settings import Settings
from tests.acceptance.test_refusal import LeavesAMark
from tests.acceptance.waiting import wait_until
from tests.builders import job_spec
from tests.moto_process import CREDENTIALS, MotoProcess
from tests.sqs_queues import sqs_settings
from tests.worker_process import running_worker

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Stands for the values of a row, which belong to the client who sent them.
CANARY = "canary-7f3a"
PICKLE = "application/x-python-serialize"
YAML = "application/x-yaml"
#: A worker that reads pickles, as no worker of ours does.
CARELESS_WORKER = """
import runpy
from shared import broker
def make_careless(settings, make=broker.make_celery):
    celery = make(settings)
    celery.conf.accept_content = ["json", "pickle"]
    return celery
broker.make_celery = make_careless
runpy.run_module("worker", run_name="__main__")
"""
#: Between two looks that must agree.
_LOOK_AGAIN_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Queues:
    """The queues of one deployment, as somebody sees them who may do anything to them."""

    sqs: "SQSClient"
    settings: Settings

    def url(self, lane: Lane) -> str:
        url = self.settings.queue_urls[lane]
        assert url is not None
        return url

    def put(self, text: str, lane: Lane = Lane.INTERACTIVE) -> None:
        self.sqs.send_message(QueueUrl=self.url(lane), MessageBody=text)

    def give_back_soon(self) -> None:
        """Let what is read from now on come back after a second; a worker does not start on such queues."""
        for lane in Lane:
            self.sqs.set_queue_attributes(QueueUrl=self.url(lane), Attributes={"VisibilityTimeout": "1"})

    def count(self, url: str) -> int:
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(number) for number in answer.values())

    def count_dead(self, lane: Lane = Lane.INTERACTIVE) -> int:
        """Wait until nothing is left in the queue, and return how many messages were set aside."""
        wait_until(lambda: self.is_empty(lane) and self.is_empty(lane), seconds=40)
        return self.count(f"{self.url(lane)}-dead")

    def is_empty(self, lane: Lane) -> bool:
        """Say whether nothing is left, visible or in hand; what becomes the one of the other may be missed once."""
        time.sleep(_LOOK_AGAIN_SECONDS)
        return self.count(self.url(lane)) == 0


@dataclass(frozen=True, slots=True)
class Place:
    """A worker and its queues."""

    worker: subprocess.Popen[str]
    queues: Queues
    jobs: RedisJobStore
    folder: Path

    @property
    def log(self) -> str:
        return (self.folder / "worker.log").read_text()

    def answer_job(self, job_id: str, redis: Redis) -> JobStatus:
        """Accept a job and send it as the API does; returns its status when the worker has had its time."""
        settings = self.queues.settings
        spec = job_spec(job_id, model=job_spec().model, rows=[[181.0, 70.0, 44.0]])
        (accepted,) = self.jobs.accept([spec])
        broker = make_broker(settings, make_celery(settings), store=redis, retries=3)
        broker.send([spec], enqueued_at=accepted.created_at)
        wait_until(lambda: self._read_status(job_id).is_final, seconds=30)
        return self._read_status(job_id)

    def _read_status(self, job_id: str) -> JobStatus:
        job = self.jobs.find(job_id)
        assert job is not None
        return job.status


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoProcess]:
    with MotoProcess.run() as process, pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        yield process


@pytest.fixture
def settings(settings: Settings, moto: MotoProcess, root: Path) -> Settings:
    queues = sqs_settings(moto, uuid.uuid4().hex)
    own = {"models_dir": root / "models", "models": ("gender",), "log_level": "DEBUG"}
    return settings.model_copy(update=queues | own)


@pytest.fixture
def queues(settings: Settings, moto: MotoProcess) -> Queues:
    return Queues(moto.sqs_client(), settings)


@pytest.fixture
def place(settings: Settings, queues: Queues, redis: Redis, tmp_path: Path) -> Iterator[Place]:
    with running_worker(settings, tmp_path) as worker:
        place = Place(worker, queues, RedisJobStore(redis, settings), tmp_path)
        queues.give_back_soon()
        # A read that was under way keeps its message as long as was said before: it shall be this one.
        place.answer_job("prd_first", redis)
        yield place


@pytest.fixture
def answer_next_job(place: Place, redis: Redis) -> Any:
    return lambda: place.answer_job("prd_next", redis)


def envelope(body: str | bytes, content_type: str | None = "application/json", **members: Any) -> str:
    """Return what lies on the queue for a body: what Celery writes, and whatever else is asked for."""
    fields: dict[str, Any] = {
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "content-type": content_type,
        "content-encoding": "binary" if isinstance(body, bytes) else "utf-8",
        "headers": {"lang": "py", "task": TaskName.PREDICT, "id": str(uuid.uuid4()), "canary": CANARY},
        "properties": {
            "body_encoding": "base64" if isinstance(body, bytes) else None,
            "delivery_info": {"exchange": "", "routing_key": "interactive"},
            "delivery_mode": 2,
        },
    }
    return json.dumps(fields | members)


def arguments(**message: Any) -> str:
    """The body of a task with these arguments."""
    return json.dumps([[], message, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])


def headers(task: str) -> dict[str, Any]:
    return {"lang": "py", "task": task, "id": str(uuid.uuid4()), "canary": CANARY}


def poisonous(mark: Path) -> str:
    return envelope(pickle.dumps([[], {"v": LeavesAMark(mark)}, {}]), PICKLE)


def test_a_message_that_would_run_code_when_it_is_read_is_not_read(
    place: Place, answer_next_job: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    yaml = f"!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path ['{mark}']]  # {CANARY}"
    place.queues.put(poisonous(mark))
    place.queues.put(envelope(pickle.dumps(LeavesAMark(mark)), PICKLE, headers={"canary": CANARY}))
    place.queues.put(envelope(yaml, YAML))
    place.queues.put(envelope(yaml, YAML, headers={"canary": CANARY}))

    status = answer_next_job()

    dead = place.queues.count_dead()
    assert (status, dead) == (JobStatus.SUCCEEDED, 2)
    assert place.worker.poll() is None
    assert not mark.exists()
    assert place.log.count("ContentDisallowed") >= 4
    assert CANARY not in place.log


def test_a_worker_that_reads_such_a_message_would_run_its_code(
    settings: Settings, queues: Queues, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    queues.put(poisonous(mark))

    with running_worker(settings, tmp_path, program=CARELESS_WORKER, C_FORCE_ROOT="1"):
        wait_until(mark.exists, seconds=20)

    assert mark.exists()


def test_a_message_that_nobody_can_work_on_is_dropped_or_set_aside(place: Place, answer_next_job: Any) -> None:
    rows = {"prd_a": [[CANARY]]}
    good = {"v": 1, "model": "gender/1", "lane": "interactive", "rows": rows}
    dropped = [
        f"{{ {CANARY}",
        "[" * 50_000,
        arguments(**good | {"v": CANARY}),
        arguments(**good | {"v": 99}),
        arguments(**good | {"lane": CANARY}),
        arguments(**good | {"rows": CANARY}),
        arguments(**good | {"origin": CANARY}),
        arguments(**good | {"origin": {"at": 1.0, "model": None, "jobs": {"prd_a": [CANARY]}}}),
        arguments(**good | {"origin": {"at": 1.0, "model": ["a"], "jobs": {"prd_b": [CANARY] * 7}}}),
    ]
    set_aside = [
        envelope(json.dumps([CANARY])),
        envelope(json.dumps({"hello": CANARY}), headers={"canary": CANARY}),
        envelope(arguments(text=CANARY), headers=headers("os.system")),
        envelope(json.dumps([[], CANARY, {}])),
        envelope("", headers=headers(TaskName.PREDICT)),
    ]
    for text in [*map(envelope, dropped), *set_aside]:
        place.queues.put(text)

    status = answer_next_job()

    dead = place.queues.count_dead()
    assert (status, dead) == (JobStatus.SUCCEEDED, len(set_aside))
    assert place.worker.poll() is None
    assert "message version 99, this worker reads 1" in place.log
    assert CANARY not in place.log
    assert len(place.log) < 100_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(CANARY, id="text"),
        pytest.param("[]", id="an array"),
        pytest.param("{}", id="an object"),
        pytest.param("[" * 100_000, id="an array too deep to be read"),
        pytest.param('{"properties": 3}', id="properties that are a number"),
        pytest.param('{"properties": {"delivery_info": 3}}', id="a delivery that is a number"),
        pytest.param('{"body": 1, "headers": 2, "properties": {}}', id="headers that are a number"),
        pytest.param('{"body": "x", "properties": {"body_encoding": "canary-7f3a"}}', id="an unknown encoding"),
        pytest.param('{"body": "x", "properties": {"body_encoding": "base64"}}', id="a body that is no Base64"),
    ],
)
def test_what_is_no_message_at_all_stops_no_worker_and_is_set_aside(
    place: Place, answer_next_job: Any, text: str
) -> None:
    place.queues.put(text)

    status = answer_next_job()

    dead = place.queues.count_dead()
    assert (status, dead) == (JobStatus.SUCCEEDED, 1)
    assert place.worker.poll() is None
    assert CANARY not in place.log


def test_a_step_that_points_out_of_the_files_reads_none_of_them(
    place: Place, answer_next_job: Any, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "input.csv").write_text(f"height,weight,shoe_size\n{CANARY},{CANARY},{CANARY}\n")
    for batch in (f"../../../../../../{tmp_path}", str(tmp_path), f"s3://another-bucket/{CANARY}", "bat_\0", ""):
        for kind in ("split", "chunk", "mend", "join"):
            text = arguments(v=1, job=f"{batch}.{kind}.0", step=[batch, kind, 0])
            place.queues.put(envelope(text, headers=headers(TaskName.BATCH_STEP)), Lane.BULK)

    status = answer_next_job()

    dead = place.queues.count_dead(Lane.BULK)
    assert (status, dead) == (JobStatus.SUCCEEDED, 0)
    assert place.worker.poll() is None
    assert CANARY not in place.log


def test_a_message_of_very_many_jobs_holds_nobody_up(place: Place, answer_next_job: Any) -> None:
    many = {f"prd_{number}": [[1.0, 2.0, 3.0]] for number in range(6_000)}
    place.queues.put(envelope(arguments(v=1, model="gender/1", lane="interactive", rows=many)))

    status = answer_next_job()

    dead = place.queues.count_dead()
    assert (status, dead) == (JobStatus.SUCCEEDED, 0)
    assert place.worker.poll() is None


def test_a_message_that_is_packed_is_not_unpacked(place: Place, answer_next_job: Any) -> None:
    bomb = zlib.compress(bytes(150_000_000), 9)
    packed = headers(TaskName.PREDICT) | {"compression": "application/x-gzip"}
    place.queues.put(envelope(bomb, headers=packed))

    status = answer_next_job()

    dead = place.queues.count_dead()
    assert (status, dead) == (JobStatus.SUCCEEDED, 0)
    assert peak_bytes(place.worker) < 400_000_000


def peak_bytes(worker: subprocess.Popen[str]) -> int:
    """Return the most memory that a process has held so far."""
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    (peak,) = (line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024
