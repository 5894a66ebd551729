"""Real worker processes on a server of the tests, and jobs handed to them as the API does."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared.broker import CeleryBroker, make_celery
from shared.job_store import RedisJobStore
from shared.jobs import Job, JobSpec, JobStatus, ModelRef, Row
from shared.queues import Lane
from shared.redis_client import make_redis
from shared.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Line:
    """The job store and the broker of one deployment, as the API holds them."""

    settings: Settings
    jobs: RedisJobStore = field(init=False)
    broker: CeleryBroker = field(init=False)

    def __post_init__(self) -> None:
        redis = make_redis(self.settings, self.settings.store_url, retries=3)
        self.jobs = RedisJobStore(redis, self.settings)
        self.broker = CeleryBroker(make_celery(self.settings), redis, self.settings)

    def send(self, model: str, rows: Mapping[str, list[Row]]) -> None:
        """Accept jobs and send them as one message."""
        manifest = json.loads((self.settings.models_dir / model / "1" / "manifest.json").read_text())
        reference = ModelRef(model, "1", manifest["artifact"]["sha256"])
        specs = [JobSpec(job_id, Lane.INTERACTIVE, reference, own, is_single=True) for job_id, own in rows.items()]
        accepted = self.jobs.accept(specs)
        self.broker.send(specs, enqueued_at=accepted[0].created_at)

    def find(self, job_id: str) -> Job:
        job = self.jobs.find(job_id)
        assert job is not None
        return job

    def wait_for(self, job_id: str, status: JobStatus, *, seconds: float = 20.0) -> Job:
        """Return the job once it has this status."""
        until = time.monotonic() + seconds
        while (job := self.find(job_id)).status is not status:
            assert time.monotonic() < until, f"{job_id} is {job.status} after {seconds:g} s"
            time.sleep(0.01)
        return job


@contextmanager
def running_worker(
    settings: Settings, folder: Path, *, program: str | None = None, in_container: bool = False, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """Start a worker and wait until it consumes; its log is in `<folder>/worker.log`.

    program: Python to run in place of `python -m worker`. in_container: under the process entry of a container.
    variables: of its environment, besides the settings.
    """
    folder.mkdir(exist_ok=True)
    health_file = folder / "health"
    environment = os.environ | settings.to_environment() | {"ROWCALL_HEALTH_FILE": str(health_file)} | variables
    command = [sys.executable, *(["-m", "worker"] if program is None else ["-c", program])]
    if in_container:
        command = [sys.executable, "-m", "shared.entrypoint", *command]
    with (
        (folder / "worker.log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, text=True) as process,
    ):
        try:
            until = time.monotonic() + 60
            while not health_file.exists():
                assert process.poll() is None, (folder / "worker.log").read_text()
                assert time.monotonic() < until, "the worker does not start"
                time.sleep(0.02)
            yield process
        finally:
            process.kill()
