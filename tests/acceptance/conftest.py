"""A whole stack of real processes: the server, the API under granian, two Celery workers."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.moody_model import publish_moody_model


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stack.url, timeout=70.0) as client:
        yield client
