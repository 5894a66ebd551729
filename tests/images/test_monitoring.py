"""The profile `monitoring` of Compose: its Prometheus finds the API by its name and reads it.

Grafana is not started; tests/monitoring asks Prometheus what its dashboard asks.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest

from tests.acceptance.conftest import free_port
from tests.images.deployment import Deployment, build, docker, eventually, find_docker, inspect, succeeds

#: The one of docker-compose.yml, unless the environment names another.
IMAGE = os.environ.get("PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0")
STAND_IN = "rowcall-prometheus:test"
#: What Prometheus's own image does, around a program from elsewhere.
DOCKERFILE = """
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
COPY prometheus /bin/prometheus
RUN install -d -o 65534 -g 65534 /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
"""


@pytest.fixture(scope="module")
def prometheus_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Prometheus's image; where it cannot be had, one of the program on this machine."""
    if succeeds([find_docker(), "pull", "--quiet", IMAGE]):
        return IMAGE
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip(f"NOT RUN: {IMAGE} cannot be had, and no prometheus is on PATH")
    context = tmp_path_factory.mktemp("prometheus")
    shutil.copy(program, context)
    (context / "Dockerfile").write_text(DOCKERFILE)
    build(STAND_IN, "Dockerfile", context)
    return STAND_IN


@pytest.fixture(scope="module")
def watched(deployment: Deployment, prometheus_image: str) -> Iterator[Deployment]:
    """The deployment of the other tests, with Prometheus beside it."""
    own = {"PROMETHEUS_IMAGE": prometheus_image, "ROWCALL_PROMETHEUS_PORT": str(free_port())}
    watched = replace(deployment, options=("--profile", "monitoring"), environment=own)
    watched.compose("up", "-d", "--no-build", "prometheus")
    yield watched
    watched.compose("rm", "--force", "--stop", "prometheus")


def ask(watched: Deployment, query: str) -> list[str]:
    """Return the values that a query finds; none while the server starts."""
    url = f"http://127.0.0.1:{watched.environment['ROWCALL_PROMETHEUS_PORT']}/api/v1/query"
    try:
        answer = httpx2.get(url, params={"query": query}, timeout=5.0)
    except httpx2.HTTPError:
        return []
    return [sample["value"][1] for sample in answer.json()["data"]["result"]]


def test_it_finds_the_api_by_its_name(watched: Deployment) -> None:
    eventually(lambda: ask(watched, 'up{job="rowcall"}') == ["1"], lambda: watched.compose("logs", "prometheus"))

    assert ask(watched, "rowcall_store_up") == ["1"]
    assert ask(watched, 'rowcall_workers{lane="interactive"}') == ["1"]


def test_it_may_do_nothing_but_its_work(watched: Deployment) -> None:
    [container] = watched.containers("prometheus")

    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert docker("exec", container, "id", "-u") == "65534"
