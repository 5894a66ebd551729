"""A real Prometheus that scrapes a real stack, by the configuration of infra/monitoring."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port

START_SECONDS = 60.0
#: What is told last: at the end of the file, and by a worker of each lane with its next report.
LAST = ("rowcall_batches_ended_total", "rowcall_predict_seconds_count", 'rowcall_rows_total{lane="bulk"}')
PERSON = {"height": 190, "weight": 70, "shoe_size": 43}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the programs of Prometheus."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.monitoring)


def find_program(name: str) -> str:
    """Return where a program of Prometheus is."""
    program = shutil.which(name)
    assert program, f"{name} is not on PATH: Debian's package `prometheus` has it"
    return program


def eventually(is_so: Callable[[], bool], say: Callable[[], str]) -> None:
    """Return once it is so; fails with what there is to say when that takes too long."""
    until = time.monotonic() + START_SECONDS
    while not is_so():
        assert time.monotonic() < until, say()
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that runs, and its log."""

    url: str
    log: Path

    def ask(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its API; fails with what it says."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10.0)
        document = answer.json()
        assert document["status"] == "success", f"{path} {parameters}: {document}"
        return document["data"]

    def find_samples(self, query: str) -> list[Any]:
        """Return what a query finds now."""
        return list(self.ask("query", query=query)["result"])

    def has_rate(self, metric: str) -> bool:
        """Say whether it has seen a metric twice."""
        return self.find_samples(f"count_over_time({metric}[1m]) > 1") != []

    def last_lines(self) -> str:
        """Return the end of its log."""
        return self.log.read_text()[-2000:]

    def is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/-/ready", timeout=5.0).status_code == 200
        except httpx2.HTTPError:
            return False


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    """One API, and a worker of each lane."""
    data_dir = tmp_path_factory.mktemp("data")
    with running_stack(Settings(port=free_port(), data_dir=data_dir, models_dir=root / "models", workers=1)) as stack:
        yield stack


@pytest.fixture(scope="session")
def configuration(stack: Stack, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration that Compose mounts, but it looks at the stack here instead of asking a name server."""
    document = yaml.safe_load((root / "infra/monitoring/prometheus.yml").read_text())
    document["global"]["scrape_interval"] = "1s"
    [job] = document["scrape_configs"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [stack.url.removeprefix("http://")]}]
    file = tmp_path_factory.mktemp("prometheus") / "prometheus.yml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture(scope="session")
def prometheus(configuration: Path) -> Iterator[Prometheus]:
    port = free_port()
    log = configuration.with_name("log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                find_program("prometheus"),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={configuration.with_name('data')}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=output,
            stderr=output,
        )
    server = Prometheus(f"http://127.0.0.1:{port}", log)
    try:
        eventually(server.is_ready, server.last_lines)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def worked(stack: Stack, prometheus: Prometheus, root: Path) -> None:
    """The stack has done some of everything that the dashboard shows, while Prometheus looked on."""
    with httpx2.Client(base_url=stack.url, timeout=60.0) as http:
        eventually(lambda: prometheus.find_samples("rowcall_store_up") != [], prometheus.last_lines)
        do_some_of_everything(http, (root / "examples/people.csv").read_bytes())
        eventually(lambda: all(map(prometheus.has_rate, LAST)), prometheus.last_lines)


def do_some_of_everything(http: httpx2.Client, people: bytes) -> None:
    """Predict, fail and score."""
    answer = http.post("/v1/models/gender/predict", json=PERSON)
    assert answer.status_code == 200, answer.text
    assert http.get("/v1/predictions/none").status_code == 404
    batch = http.post("/v1/batches", content=people, headers={"Content-Type": "text/csv"}).headers["Location"]
    eventually(lambda: http.get(batch).json()["status"] == "completed", lambda: http.get(batch).text)
