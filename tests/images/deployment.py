"""Docker and Compose as a user calls them, and one deployment that a test can hurt."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON_IMAGE = os.environ.get("PYTHON_IMAGE", "python:3.11-slim-bookworm")
API_IMAGE, WORKER_IMAGE, AWS_IMAGE = "rowcall-api:test", "rowcall-worker:test", "rowcall-aws-emulator:test"
#: Where a build step finds the package index; "host" where containers have no way out of their own.
BUILD_NETWORK = os.environ.get("ROWCALL_TEST_BUILD_NETWORK", "default")
START_SECONDS = 240.0
#: Of docker-compose.yml.
PROFILES = ("aws", "monitoring", "webhooks")
PERSON = {"height": 190, "weight": 70, "shoe_size": 43}


def find_docker() -> str:
    """Return the client: the one of the distribution first, because a newer one may lack its plugins."""
    return os.environ.get("DOCKER") or next(filter(None, (shutil.which("docker", path="/usr/bin"), "docker")))


def compose_commands() -> dict[str, list[str]]:
    """Return how each generation of Compose is called."""
    return {"v2": [find_docker(), "compose"], "1.29": ["docker-compose"]}


def succeeds(command: Sequence[str]) -> bool:
    """Say whether a command can be run, and ends well."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def is_there(command: Sequence[str]) -> bool:
    """Say whether a program can be run."""
    return succeeds([*command, "version"])


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, seconds: float = 900.0) -> str:
    """Return what a command prints; fails with what it said."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds, env=environment, cwd=ROOT
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def docker(*arguments: str, seconds: float = 900.0) -> str:
    """Return what docker prints."""
    return run([find_docker(), *arguments], seconds=seconds)


def inspect(name: str) -> dict[str, Any]:
    """Return what docker knows of a container or an image."""
    (found,) = json.loads(docker("inspect", name))
    assert isinstance(found, dict)
    return found


def build(name: str, dockerfile: str, context: Path) -> None:
    """Build an image as the documentation says."""
    run(
        [
            *(find_docker(), "build", "--network", BUILD_NETWORK, "--build-arg", f"PYTHON_IMAGE={PYTHON_IMAGE}"),
            *("--build-arg", "VERSION=1.2.3", "--build-arg", "REVISION=abc", "-f", str(context / dockerfile)),
            *("-t", name, str(context)),
        ],
        environment=os.environ | {"DOCKER_BUILDKIT": "1"},
    )


def eventually(is_so: Callable[[], bool], say: Callable[[], str], *, seconds: float = START_SECONDS) -> None:
    """Return once it is so; fails with what there is to say when that takes too long."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, say()
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One Compose project."""

    project: str
    port: int
    #: Options of Compose, before its command.
    options: tuple[str, ...] = ()
    #: Which Compose; the first that is there unless named.
    generation: str | None = None
    #: Variables of docker-compose.yml.
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str) -> str:
        """Return what Compose prints."""
        commands = compose_commands()
        named = [commands[self.generation]] if self.generation else commands.values()
        command = next(command for command in named if is_there(command))
        own = {
            "ROWCALL_API_IMAGE": API_IMAGE,
            "ROWCALL_WORKER_IMAGE": WORKER_IMAGE,
            "ROWCALL_AWS_IMAGE": AWS_IMAGE,
            "ROWCALL_PORT": str(self.port),
            "PYTHON_IMAGE": PYTHON_IMAGE,
        }
        return run(
            [*command, *self.options, "-p", self.project, *arguments],
            environment={**os.environ, **own, **self.environment},
        )

    def up(self, *, workers: int = 1) -> None:
        """Start what is not running, and return when a job would be answered."""
        self.compose("up", "-d", "--no-build", "--scale", f"worker={workers}")
        self.wait_until_ready()

    def remove(self) -> None:
        """Remove all that Compose made, services of profiles and volumes included."""
        profiles = [word for name in PROFILES for word in ("--profile", name)]
        self.compose(*profiles, "down", "--volumes", "--timeout", "5")

    def left_over(self) -> list[str]:
        """Return the containers and volumes that are there."""
        mine = f"label=com.docker.compose.project={self.project}"
        containers = docker("ps", "--all", "--quiet", "--filter", mine).split()
        return containers + docker("volume", "ls", "--quiet", "--filter", mine).split()

    def wait_until_ready(self) -> None:
        eventually(self._is_ready, lambda: self.compose("logs"))

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5.0).status_code == 200
        except httpx2.HTTPError:
            return False

    def containers(self, service: str) -> list[str]:
        """Return the ids of the running containers of a service."""
        filters = [f"label=com.docker.compose.{key}={value}" for key, value in self._labels(service).items()]
        return docker("ps", "-q", *(word for one in filters for word in ("--filter", one))).split()

    def _labels(self, service: str) -> dict[str, str]:
        return {"project": self.project, "service": service}

    def wait_until_healthy(self, service: str) -> None:
        """Return once docker's own checks find all containers of a service well."""
        eventually(lambda: self._health(service) == {"healthy"}, lambda: self.compose("logs", service))

    def _health(self, service: str) -> set[str]:
        return {inspect(name)["State"]["Health"]["Status"] for name in self.containers(service)}

    def predict_once(self) -> None:
        """Return when somebody has answered a prediction, however long nobody does."""
        eventually(self._predicts, lambda: self.compose("logs"))

    def _predicts(self) -> bool:
        try:
            answer = httpx2.post(f"{self.url}/v1/models/gender/predict", json=PERSON, timeout=60.0)
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200
