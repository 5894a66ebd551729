"""The three doors of a deployment under Compose, and what its containers may do."""

import os
import subprocess

import httpx2
import pytest

from tests.acceptance.conftest import free_port
from tests.images.deployment import (
    PERSON,
    ROOT,
    Deployment,
    compose_commands,
    docker,
    eventually,
    find_docker,
    inspect,
    run,
)

SERVICES = ("api", "worker", "bulk-worker")
each_service = pytest.mark.parametrize("service", SERVICES)
PEOPLE = (ROOT / "examples" / "people.csv").read_text()


@pytest.mark.parametrize(
    ("profile", "more"),
    [("none", set()), ("aws", {"aws"}), ("monitoring", {"prometheus", "grafana"}), ("webhooks", {"webhooks"})],
)
def test_each_generation_of_compose_reads_the_file(generation: str, profile: str, more: set[str]) -> None:
    services = run([*compose_commands()[generation], "--profile", profile, "config", "--services"])

    # 1.29 lists the services of other profiles too.
    assert {*SERVICES, "store", *more} <= set(services.split())


@pytest.mark.usefixtures("images")
def test_each_generation_of_compose_starts_scales_and_removes_it(generation: str) -> None:
    name = generation.replace(".", "-")
    deployment = Deployment(f"rowcall-test-{name}-{os.getpid()}", free_port(), generation=generation)
    try:
        deployment.up()
        deployment.predict_once()
        deployment.up(workers=3)
        running = {name: len(deployment.containers(name)) for name in (*SERVICES, "store", "webhooks", "prometheus")}
    finally:
        deployment.remove()

    assert running == {"api": 1, "worker": 3, "bulk-worker": 1, "store": 1, "webhooks": 0, "prometheus": 0}
    assert deployment.left_over() == []


def test_a_job_is_submitted_and_polled(http: httpx2.Client) -> None:
    submitted = http.post("/v1/predictions", json={"model": "gender", "input": PERSON})
    job = http.get(submitted.headers["Location"], headers={"Prefer": "wait=20"}).json()

    assert submitted.status_code == 202
    assert (job["status"], job["output"]["prediction"]) == ("succeeded", "male")


def test_a_prediction_is_waited_for(http: httpx2.Client) -> None:
    answer = http.post("/v1/models/gender/predict", json=PERSON)

    assert (answer.status_code, answer.json()["prediction"]) == (200, "male")


def score(http: httpx2.Client) -> list[str]:
    """Return the lines of the scored file of the examples."""
    batch = http.post("/v1/batches", content=PEOPLE, headers={"Content-Type": "text/csv"})
    path = batch.headers["Location"]
    eventually(lambda: http.get(path).json()["status"] == "completed", lambda: http.get(path).text)
    return http.get(f"{path}/results").text.splitlines()


def test_a_file_is_scored(http: httpx2.Client) -> None:
    scored = score(http)

    asked = PEOPLE.splitlines()
    assert [line.startswith(own) for line, own in zip(scored, asked, strict=True)] == [True] * len(asked)
    assert "row_status" in scored[0]


@each_service
def test_docker_finds_it_healthy(deployment: Deployment, service: str) -> None:
    deployment.wait_until_healthy(service)


@each_service
def test_it_may_do_nothing_but_its_work(deployment: Deployment, service: str) -> None:
    (container,) = deployment.containers(service)

    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert not host["Privileged"]


@each_service
def test_its_process_has_no_rights_left(deployment: Deployment, service: str) -> None:
    (container,) = deployment.containers(service)
    status = docker("exec", container, "cat", "/proc/1/status").splitlines()

    facts = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    assert facts["Uid"].split() == ["10001"] * 4
    assert facts["NoNewPrivs"] == "1"
    assert {int(facts[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}


@each_service
def test_its_first_process_is_our_entrypoint(deployment: Deployment, service: str) -> None:
    (container,) = deployment.containers(service)

    assert docker("exec", container, "cat", "/proc/1/cmdline").startswith("python\0-m\0shared.entrypoint\0")


@each_service
@pytest.mark.parametrize(("path", "status"), [("/app/x", 1), ("/etc/x", 1), ("/tmp/x", 0)])
def test_it_writes_nowhere_but_where_it_must(deployment: Deployment, service: str, path: str, status: int) -> None:
    (container,) = deployment.containers(service)

    wrote = subprocess.run(
        [find_docker(), "exec", container, "python", "-c", f"open({path!r}, 'w')"], capture_output=True, check=False
    )

    assert wrote.returncode == status
    assert (b"Read-only file system" in wrote.stderr) == bool(status)


def test_only_this_machine_reaches_it(deployment: Deployment) -> None:
    bindings = [
        inspect(deployment.containers(service)[0])["HostConfig"]["PortBindings"] for service in (*SERVICES, "store")
    ]

    assert [binding or {} for binding in bindings] == [
        {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(deployment.port)}]},
        {},
        {},
        {},
    ]


def test_the_metrics_of_all_containers_are_at_the_api(deployment: Deployment, http: httpx2.Client) -> None:
    def read() -> str:
        return http.get("/metrics").text

    deployment.predict_once()
    eventually(lambda: "rowcall_predict_seconds_count" in read(), read)

    text = read()
    assert 'rowcall_workers{lane="interactive"} 1.0' in text
    assert 'rowcall_workers{lane="bulk"} 1.0' in text


def test_the_doors_are_the_same_on_queues_of_sqs_and_files_in_s3(deployment_on_aws: Deployment) -> None:
    with httpx2.Client(base_url=deployment_on_aws.url, timeout=60.0) as http:
        answer = http.post("/v1/models/gender/predict", json=PERSON)
        scored = score(http)

    assert (answer.status_code, answer.json()["prediction"]) == (200, "male")
    assert len(scored) == len(PEOPLE.splitlines())
    assert "row_status" in scored[0]
