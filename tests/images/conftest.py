"""The images, built from what a careless user has in his folder, and a deployment of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.conftest import free_port
from tests.images.deployment import (
    API_IMAGE,
    AWS_IMAGE,
    ROOT,
    WORKER_IMAGE,
    Deployment,
    build,
    compose_commands,
    is_there,
)

#: What a careless user leaves about: it must be in no layer.
CANARY = "canary-that-must-not-leave-this-machine"
_LITTER = (
    ".env",
    "api/.env",
    "shared/key.pem",
    "worker/notes.txt",
    "models/gender/1/credentials",
    "requirements/.netrc",
)
_LEFT_OUT = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis", ".rowcall")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Docker, and minutes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.images)
            item.add_marker(pytest.mark.timeout(1_800))


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the images are built from."""
    context = tmp_path_factory.mktemp("context") / "rowcall"
    shutil.copytree(ROOT, context, ignore=_LEFT_OUT)
    for name in _LITTER:
        (context / name).write_text(f"PASSWORD={CANARY}\n")
    return context


@pytest.fixture(scope="session")
def images(context: Path) -> tuple[str, str]:
    """Both images, built for real; their names."""
    build(API_IMAGE, "docker/api.Dockerfile", context)
    build(WORKER_IMAGE, "docker/worker.Dockerfile", context)
    return API_IMAGE, WORKER_IMAGE


@pytest.fixture(scope="session")
def deployment(images: tuple[str, str]) -> Iterator[Deployment]:
    """All services of Compose that need no profile, with one worker."""
    deployment = Deployment(f"rowcall-test-{os.getpid()}", free_port())
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture(scope="session")
def deployment_on_aws(images: tuple[str, str], context: Path) -> Iterator[Deployment]:
    """The same with files in S3 and queues on SQS, as an emulator has them."""
    build(AWS_IMAGE, "docker/aws-emulator.Dockerfile", context)
    options = ("--env-file", "docker/aws.env", "--profile", "aws")
    deployment = Deployment(f"rowcall-test-aws-{os.getpid()}", free_port(), options)
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture(params=compose_commands())
def generation(request: pytest.FixtureRequest) -> str:
    """A Compose that is on this machine."""
    command = compose_commands()[request.param]
    if not is_there(command):
        pytest.skip(f"NOT RUN: {' '.join(command)} is not on this machine")
    return str(request.param)


@pytest.fixture
def http(deployment: Deployment) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=deployment.url, timeout=60.0) as client:
        yield client
