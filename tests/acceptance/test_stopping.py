"""A stop loses nothing and repeats nothing: what is in hand is finished, or given back in time."""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx2
import pytest

from shared.jobs import JobStatus
from shared.manifest import Feature
from shared.queues import Lane
from shared.settings import Settings
from standalone.stack import running_stack
from tests.acceptance.conftest import free_port
from tests.models import SLEEPS_FROM, WORKS_IN_NATIVE_CODE, CountingClassifier
from tests.worker_process import Line, running_worker
from training.publish import publish_model

#: From SIGTERM to the end of a worker in these tests.
STOP_SECONDS = 4.0


@pytest.fixture
def settings(settings: Settings, models_dir: Path) -> Settings:
    return settings.model_copy(update={"models_dir": models_dir, "models": ("moody",), "stop_seconds": STOP_SECONDS})


@pytest.fixture
def line(settings: Settings) -> Line:
    return Line(settings)


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with running_worker(settings, tmp_path / "first") as process:
        yield process


def stop(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> float:
    """Return how long a worker takes to end by itself, in seconds."""
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    return time.monotonic() - began


def test_a_worker_that_is_told_to_stop_finishes_what_is_in_hand(worker: subprocess.Popen[str], line: Line) -> None:
    line.send("moody", {"prd_a": [[SLEEPS_FROM + 1]]})
    line.wait_for("prd_a", JobStatus.RUNNING)
    line.send("moody", {"prd_b": [[1.0]]})

    seconds = stop(worker)

    assert (line.find("prd_a").status, line.find("prd_a").attempt) == (JobStatus.SUCCEEDED, 1)
    assert (line.find("prd_b").status, line.find("prd_b").attempt) == (JobStatus.QUEUED, 0)
    assert seconds < STOP_SECONDS


@pytest.mark.parametrize("mood", [SLEEPS_FROM + 8, WORKS_IN_NATIVE_CODE], ids=["Python", "native code"])
def test_what_cannot_be_finished_in_time_is_given_back(worker: subprocess.Popen[str], line: Line, mood: float) -> None:
    line.send("moody", {"prd_a": [[mood]]})
    line.wait_for("prd_a", JobStatus.RUNNING)

    seconds = stop(worker, signal.SIGQUIT if mood == WORKS_IN_NATIVE_CODE else signal.SIGTERM)

    assert (line.find("prd_a").status, line.find("prd_a").attempt) == (JobStatus.QUEUED, 0)
    assert line.broker.oldest_messages()[Lane.INTERACTIVE] is not None
    assert seconds < STOP_SECONDS


def test_another_worker_takes_at_once_what_was_given_back(
    worker: subprocess.Popen[str], line: Line, settings: Settings, tmp_path: Path
) -> None:
    with running_worker(settings, tmp_path / "second"):
        line.send("moody", {"prd_a": [[SLEEPS_FROM + 3]]})
        line.send("moody", {"prd_b": [[SLEEPS_FROM + 3]]})
        line.wait_for("prd_a", JobStatus.RUNNING)
        line.wait_for("prd_b", JobStatus.RUNNING)
        stop(worker, signal.SIGQUIT)
        began = time.monotonic()
        answered = [line.wait_for(job_id, JobStatus.SUCCEEDED) for job_id in ("prd_a", "prd_b")]
        seconds = time.monotonic() - began

    assert [job.attempt for job in answered] == [1, 1]
    # The other worker ends its own job first; a lease would have run out only after ten seconds.
    assert seconds < settings.lease_seconds - 1


def test_a_worker_that_has_nothing_in_hand_stops_at_once(worker: subprocess.Popen[str]) -> None:
    assert stop(worker) < STOP_SECONDS / 2


def test_a_worker_under_the_entry_of_a_container_gives_back_too(line: Line, settings: Settings, tmp_path: Path) -> None:
    with running_worker(settings, tmp_path, in_container=True) as container:
        line.send("moody", {"prd_a": [[SLEEPS_FROM + 8]]})
        line.wait_for("prd_a", JobStatus.RUNNING)

        seconds = stop(container)

    assert (line.find("prd_a").status, line.find("prd_a").attempt) == (JobStatus.QUEUED, 0)
    assert seconds < STOP_SECONDS


@dataclass
class Load:
    """Numbers that clients submit, each once, until they are told to end."""

    url: str
    accepted: dict[str, int] = field(default_factory=dict)
    is_over: bool = False

    def run(self, share: int) -> None:
        numbers = count(1 + share, 4)
        with httpx2.Client(base_url=self.url, timeout=30.0) as http:
            number = next(numbers)
            while not self.is_over:
                if self._submit(http, number):
                    number = next(numbers)
                else:
                    time.sleep(0.05)

    def read_all(self) -> Counter[str]:
        """Return how the accepted jobs ended, each waited for."""
        with httpx2.Client(base_url=self.url, timeout=70.0) as http:
            paths = [f"/v1/predictions/{job_id}" for job_id in self.accepted]
            return Counter(http.get(path, headers={"Prefer": "wait=50"}).json()["status"] for path in paths)

    def _submit(self, http: httpx2.Client, number: int) -> bool:
        """Say whether this number was accepted: only then may it never be sent again."""
        try:
            answer = http.post("/v1/predictions", json={"model": "counting", "input": {"number": number}})
        except httpx2.ConnectError:
            return False
        except httpx2.TransportError:
            # Nobody knows whether it was accepted, so another number is used.
            return True
        if answer.status_code == 202:
            self.accepted[answer.json()["id"]] = number
        return answer.status_code == 202


@dataclass
class Stopped:
    """What a stack that was stopped again and again has to show."""

    accepted: dict[str, int]
    statuses: Counter[str]
    #: How often the model predicted each number.
    predicted: Counter[int]
    stop_seconds: list[float]


def publish_counting_model(models_dir: Path, counted: Path) -> None:
    estimator = CountingClassifier(str(counted), seconds=0.05).fit([[0.0], [1.0]], ["even", "odd"])
    number = Feature(name="number", minimum=0, maximum=1e9, example=0.0)
    publish_model(estimator, name="counting", version="1", features=[number], models_dir=models_dir)


def stop_again_and_again(folder: Path, *, stops: int) -> Stopped:
    """Stop a stack that is under load, and start it again; in the end let it answer everything."""
    counted = folder / "counted"
    publish_counting_model(folder / "models", counted)
    settings = Settings(port=free_port(), data_dir=folder / "data", models_dir=folder / "models")
    load = Load(f"http://{settings.host}:{settings.port}")
    stop_seconds = []
    with ThreadPoolExecutor(4) as clients:
        shares = [clients.submit(load.run, share) for share in range(4)]
        for _ in range(stops):
            with running_stack(settings):
                time.sleep(1.5)
                began = time.monotonic()
            stop_seconds.append(time.monotonic() - began)
        load.is_over = True
    for share in shares:
        share.result()
    with running_stack(settings):
        statuses = load.read_all()
    # The example of the model is predicted at every start.
    predicted = Counter(int(line) for line in counted.read_text().splitlines() if line != "0")
    return Stopped(load.accepted, statuses, predicted, stop_seconds)


def assert_nothing_was_lost_or_repeated(stopped: Stopped) -> None:
    numbers = set(stopped.accepted.values())

    assert stopped.statuses == {"succeeded": len(stopped.accepted)}
    assert len(numbers) == len(stopped.accepted) > 20 * len(stopped.stop_seconds)
    assert numbers - stopped.predicted.keys() == set()
    assert {number: times for number, times in stopped.predicted.items() if times > 1} == {}
    assert max(stopped.stop_seconds) < Settings().stop_seconds


def test_stopping_a_busy_stack_loses_and_repeats_nothing(tmp_path: Path) -> None:
    assert_nothing_was_lost_or_repeated(stop_again_and_again(tmp_path, stops=2))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_stopping_a_busy_stack_twenty_times_loses_and_repeats_nothing(tmp_path: Path) -> None:
    assert_nothing_was_lost_or_repeated(stop_again_and_again(tmp_path, stops=20))
