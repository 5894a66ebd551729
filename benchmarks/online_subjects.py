"""What our service is compared with: the control, Flask with the model in its process, naive Celery, peers.

Each is started once, gives one right answer, and then stays idle but for the time in which it is loaded.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.answers import ARTIFACT_VARIABLE, predict_record
from benchmarks.http_answers import require_right, wait_for_answer
from benchmarks.peers.environments import Peer
from benchmarks.service import free_port
from benchmarks.subjects import NAIVE_PROCESSES, running_store
from benchmarks.warm_process import ROOT, Deadline, MeasurementFailed, running_process
from benchmarks.wrk import LoadScript

RECORD: Mapping[str, float] = {"height": 181, "weight": 80, "shoe_size": 44}
#: Names of processes begin with one of these: those that serve HTTP, that predict, and that hold the queue.
API, WORKER, STORE = "api", "worker", "store"
_START_SECONDS = 120.0
_LOG_CHARACTERS = 1_500


def _nothing_is_left() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class OnlineSubject:
    """One line of the table."""

    name: str
    url: str
    script: LoadScript
    #: Returns the names of its processes by id.
    watched: Callable[[], Mapping[int, str]]
    #: Rows of one answer.
    rows: int = 1
    #: It answers before the work is done.
    answers_first: bool = False
    #: Its process group, where it is busy even with nothing to do and must be stopped while others are measured.
    restless_group: int | None = None
    #: The server that holds its queue.
    store: Redis | None = None
    #: Says that no accepted work is left.
    is_drained: Callable[[], bool] = _nothing_is_left


@dataclass(frozen=True, slots=True)
class OnlineBench:
    """What all subjects share."""

    models_dir: Path
    artifact: Path
    model: str
    estimator: Any
    #: Where they write.
    folder: Path

    @property
    def expected(self) -> dict[str, Any]:
        """Return what the model itself says of the record."""
        return predict_record(self.estimator, RECORD)

    def environment(self, **more: str) -> list[str]:
        """Return the beginning of a command that imports our modules."""
        variables = {ARTIFACT_VARIABLE: str(self.artifact), "PYTHONPATH": str(ROOT)} | more
        return ["env", *(f"{name}={value}" for name, value in variables.items())]


def gunicorn_command(application: str, port: int) -> list[str]:
    """Return the command of the web server as most people run it."""
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "16"]
    return [*command, "--log-level", "warning", "-b", f"127.0.0.1:{port}", application]


def describe_gunicorn() -> str:
    """Return what the control depends on: gunicorn takes a faster parser of its own if that is installed too."""
    parser = "gunicorn_h1c" if find_spec("gunicorn_h1c") else "Python"
    return f"gunicorn {version('gunicorn')}, parser: {parser}"


def granian_command(factory: str, port: int) -> list[str]:
    """Return the command of the web server that our API uses; more threads made it no faster."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4"]
    return [*command, "--log-level", "warning", "--host", "127.0.0.1", "--port", str(port), "--factory", factory]


@contextmanager
def running_control(bench: OnlineBench) -> Iterator[OnlineSubject]:
    """Run Flask that only echoes."""
    port = free_port()
    command = [*bench.environment(), *gunicorn_command("benchmarks.web_apps:make_control()", port)]
    with _running_server(bench, "control", command, port=port) as (subject, answer):
        if answer != RECORD:
            raise MeasurementFailed(f"the control answered {answer}")
        yield subject


@contextmanager
def running_in_process(bench: OnlineBench, server: str) -> Iterator[OnlineSubject]:
    """Run Flask with the model in its processes; server: granian or gunicorn."""
    port = free_port()
    if server == "granian":
        name, command = "in_process", granian_command("benchmarks.web_apps:make_in_process", port)
    else:
        name, command = f"in_process_{server}", gunicorn_command("benchmarks.web_apps:make_in_process()", port)
    with _running_server(bench, name, [*bench.environment(), *command], port=port) as (subject, answer):
        require_right(answer, bench.expected, of=subject.name)
        yield subject


@contextmanager
def running_naive_celery(bench: OnlineBench) -> Iterator[OnlineSubject]:
    """Run Celery as people write it, with a server of its own, configured as ours is."""
    port = free_port()
    with running_store(Deadline(_START_SECONDS)) as (store_pid, url):
        environment = bench.environment(BENCHMARK_STORE_URL=url)
        work = [sys.executable, "-m", "celery", "-A", "benchmarks.naive_online", "worker", "--loglevel=WARNING"]
        work += [f"--concurrency={NAIVE_PROCESSES}"]
        web = [*environment, *gunicorn_command("benchmarks.naive_online:web", port)]
        with (
            Redis(unix_socket_path=url.removeprefix("redis+socket://")) as store,
            running_process([*environment, *work], log=bench.folder / "naive_celery_worker.log") as worker,
            _running_server(bench, "naive_celery", web, port=port) as (subject, answer),
        ):
            require_right(answer, bench.expected, of=subject.name)
            yield replace(
                subject,
                watched=lambda: {**subject.watched(), worker.pid: WORKER, store_pid: STORE},
                store=store,
                is_drained=lambda: not store.llen("celery") and not store.hlen("unacked"),
            )


@contextmanager
def running_peer(bench: OnlineBench, peer: Peer, programs: Path) -> Iterator[OnlineSubject]:
    """Run a model server of others; programs: the folder of its programs."""
    folder = bench.folder / peer.name
    folder.mkdir()
    port = free_port()
    command = [*bench.environment(), *peer.command(programs, folder, port)]
    body = peer.body(RECORD)
    with _running_server(bench, peer.name, command, port=port, path=peer.path, body=body) as (subject, answer):
        require_right(peer.read(answer, bench.estimator.classes_.tolist()), bench.expected, of=peer.name)
        (group,) = subject.watched()
        yield replace(subject, restless_group=group if peer.is_restless else None)


@contextmanager
def _running_server(
    bench: OnlineBench, name: str, command: list[str], *, port: int, path: str = "/predict", body: Any = RECORD
) -> Iterator[tuple[OnlineSubject, Any]]:
    """Start a web server, and yield it with what it answers; every later answer must be the same."""
    log = bench.folder / f"{name}.log"
    url = f"http://127.0.0.1:{port}{path}"
    text = json.dumps(body)
    with running_process(command, log=log) as server:
        try:
            answer = wait_for_answer(url, text, server, Deadline(_START_SECONDS))
        except MeasurementFailed as error:
            end = log.read_text()[-_LOG_CHARACTERS:]
            raise MeasurementFailed(f"{name}: {error}; its log ends with\n{end}") from error
        script = LoadScript.post(text, status=200, answer=answer.decode())
        yield OnlineSubject(name, url, script, watched=lambda: {server.pid: API}), json.loads(answer)
