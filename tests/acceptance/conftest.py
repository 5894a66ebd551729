"""A whole stack of real processes: the server, the API under granian, two Celery workers."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.moody_model import publish_moody_model
from tests.moto_process import CREDENTIALS, MotoProcess

FILES_BUCKET, UPLOADS_BUCKET = "rowcall-files", "uploads"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(stack: Stack, *options: str) -> str:
    """Return a key that an operator made on the server's side."""
    command = [sys.executable, "-m", "api.keys", "create", "for a test", *options]
    environment = os.environ | {"ROWCALL_REDIS_URL": stack.store_url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="session")
def clients_python(root: Path) -> Path:
    """Python of the environment in which clients live that cannot share ours."""
    python = root / ".venv" / "clients" / "bin" / "python"
    if not python.exists():
        pytest.skip("KSERVE'S CLIENT WAS NOT RUN: it needs an environment of its own; run `make test-clients`")
    return python


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The default model, and one that misbehaves on request."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(root / "models" / "gender", folder / "gender")
    publish_moody_model(folder)
    return folder


@pytest.fixture(scope="session")
def stack_settings(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Settings:
    """The defaults, but a dead worker is noticed sooner."""
    return Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        lease_seconds=2.0,
    )


@pytest.fixture(scope="session")
def stack(stack_settings: Settings) -> Iterator[Stack]:
    with running_stack(stack_settings) as stack:
        yield stack


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoProcess]:
    """A server that speaks the protocol of S3, with a bucket of ours and one of a client."""
    with MotoProcess.run() as process, pytest.MonkeyPatch.context() as environment:
        for name, value in CREDENTIALS.items():
            environment.setenv(name, value)
        process.client().create_bucket(Bucket=FILES_BUCKET)
        process.client().create_bucket(Bucket=UPLOADS_BUCKET)
        yield process


def bucket_url(moto: MotoProcess, prefix: str) -> str:
    return f"s3://{FILES_BUCKET}/{prefix}?endpoint_url={moto.url}&region=us-east-1"


@pytest.fixture(scope="session")
def bucket_stack(
    stack_settings: Settings, moto: MotoProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The same stack with its files in a bucket."""
    own = {
        "port": free_port(),
        "data_dir": tmp_path_factory.mktemp("data"),
        "files_url": bucket_url(moto, "here"),
        "input_buckets": (UPLOADS_BUCKET,),
        "workers": 1,
        "bulk_workers": 2,
        "chunk_bytes": 50_000,
    }
    with running_stack(stack_settings.model_copy(update=own)) as stack:
        yield stack


def descendants(pid: int) -> list[int]:
    """Every process that this one started, and those that they started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [grand for child in children for grand in descendants(int(child))]


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.fixture
def peak_growth(stack: Stack) -> Callable[[str], int]:
    """Tells by how many bytes the peak of any process of a program grew since the test began."""

    def peaks(program: str) -> dict[int, int]:
        own = [process.pid for process in stack.processes() if process.name.startswith(program)]
        pids = {pid for one in own for pid in (one, *descendants(one))}
        return {pid: peak_bytes(pid) for pid in pids}

    before = {program: peaks(program) for program in ("api", "bulk-worker")}
    return lambda program: max(peak - before[program][pid] for pid, peak in peaks(program).items())


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stack.url, timeout=70.0) as client:
        yield client
