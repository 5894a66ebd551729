"""What is measured: each subject scores one file into another once."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.direct import find_middle
from benchmarks.measure import Measurement, ProcessWatch
from benchmarks.people_file import PeopleFile
from benchmarks.service import score_over_http
from benchmarks.warm_process import Deadline, WarmProcess, running_process
from standalone.store_server import find_store_server, store_configuration

#: Scores the file into another before the deadline.
Score = Callable[[Path, Deadline], Measurement]
NAIVE_PROCESSES = 2


@dataclass(frozen=True, slots=True)
class Subject:
    """One line of the table."""

    name: str
    people: PeopleFile
    score: Score
    #: It must give the rows back byte by byte.
    is_verbatim: bool = True
    #: It writes a file that can be checked.
    has_output: bool = True


@dataclass(frozen=True, slots=True)
class Bench:
    """What all subjects share."""

    models_dir: Path
    artifact: Path
    model: str
    #: A small file to get warm with.
    sample: Path

    def append(self, people: PeopleFile, processes: int) -> Score:
        """Score in as many processes, each with its share of the file, and join what they wrote."""

        def score(target: Path, deadline: Deadline) -> Measurement:
            parts = [target, *(target.with_suffix(f".part{number}") for number in range(1, processes))]
            with ExitStack() as running:
                workers = [running.enter_context(self._direct("append", people, part, deadline)) for part in parts]
                with ProcessWatch({worker.pid: f"process-{i}" for i, worker in enumerate(workers)}) as watch:
                    size = people.path.stat().st_size
                    cuts = [0, size] if processes == 1 else [0, find_middle(people.path), size]
                    for worker, start, stop in zip(workers, cuts, cuts[1:], strict=False):
                        worker.go(f"{start} {stop}")
                    for worker in workers:
                        worker.expect("done", deadline)
                    _join(parts)
            return watch.measurement(people.rows)

        return score

    def single(self, people: PeopleFile, mode: str) -> Score:
        """Let one process do `rewrite` or `predict`."""

        def score(target: Path, deadline: Deadline) -> Measurement:
            with self._direct(mode, people, target, deadline) as worker:
                with ProcessWatch({worker.pid: "process-0"}) as watch:
                    worker.go()
                    worker.expect("done", deadline)
                return watch.measurement(people.rows)

        return score

    def service(self, people: PeopleFile, bulk_workers: int) -> Score:
        """Use our service, fresh each time."""

        def score(target: Path, deadline: Deadline) -> Measurement:
            return score_over_http(
                people,
                target,
                models_dir=self.models_dir,
                model=self.model,
                bulk_workers=bulk_workers,
                deadline=deadline,
            )

        return score

    def naive_celery(self, people: PeopleFile) -> Score:
        """Use Celery as people write it, with a server of its own, configured as ours is."""

        def score(target: Path, deadline: Deadline) -> Measurement:
            module = "benchmarks.naive_celery"
            with running_store(deadline) as (store_pid, url):
                command = [sys.executable, "-m", module, "worker", url, str(self.artifact), str(NAIVE_PROCESSES)]
                with (
                    running_process(command, log=target.with_suffix(".celery.log")) as worker,
                    WarmProcess.run(module, "client", url, people.path, target, deadline=deadline) as client,
                ):
                    with ProcessWatch({store_pid: "store", worker.pid: "worker", client.pid: "caller"}) as watch:
                        client.go()
                        client.expect("done", deadline)
                    return watch.measurement(people.rows)

        return score

    @contextmanager
    def _direct(self, mode: str, people: PeopleFile, target: Path, deadline: Deadline) -> Iterator[WarmProcess]:
        arguments = (mode, self.artifact, self.sample, people.path, target)
        with WarmProcess.run("benchmarks.direct", *arguments, deadline=deadline) as worker:
            yield worker


@contextmanager
def running_store(deadline: Deadline) -> Iterator[tuple[int, str]]:
    """Start the server that the stack embeds, and yield its process id and its URL as Celery spells it."""
    # A socket path may have about 100 characters, so it has a short folder of its own.
    with tempfile.TemporaryDirectory(prefix="rowcall-") as name:
        folder = Path(name)
        path = folder / "store.sock"
        configuration = folder / "store.conf"
        configuration.write_text(store_configuration(state_dir=folder, socket=path))
        command = [str(find_store_server()), str(configuration)]
        with running_process(command, log=folder / "log") as process, Redis(unix_socket_path=str(path)) as redis:
            while not _answers(redis):
                time.sleep(min(0.05, deadline.remaining_seconds()))
            yield process.pid, f"redis+socket://{path}"


def _answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def _join(parts: list[Path]) -> None:
    """Append the later files to the first."""
    with parts[0].open("ab") as whole:
        for part in parts[1:]:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole, 1 << 20)
            part.unlink()
