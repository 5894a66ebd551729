"""The profile `webhooks` of Compose: a container tells a receiver, over the network, that a job has ended."""

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.acceptance.conftest import free_port
from tests.images.deployment import PERSON, WORKER_IMAGE, Deployment, docker, eventually, inspect
from tests.webhook_receiver import SECRET

#: Prints what it is sent, a line each. It runs in the image of the workers, which has a Python.
RECEIVER = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(json.dumps({"headers": dict(self.headers), "body": body}), flush=True)
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_): ...
http.server.HTTPServer(("", 8080), Handler).serve_forever()
"""
#: What Docker gives to networks; a receiver there is private.
NETWORKS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"


@pytest.fixture(scope="module")
def telling(images: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment that delivers webhooks, told so by a file as docs/how-to/run-with-docker.md says."""
    file = tmp_path_factory.mktemp("webhooks") / "env"
    lines = {
        "COMPOSE_PROFILES": "webhooks",
        "ROWCALL_WEBHOOKS": "true",
        "ROWCALL_WEBHOOK_SECRETS": SECRET,
        "ROWCALL_WEBHOOK_ALLOWED_NETWORKS": NETWORKS,
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    deployment = Deployment(f"rowcall-test-webhooks-{os.getpid()}", free_port(), ("--env-file", str(file)))
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture
def receiver(telling: Deployment) -> Iterator[str]:
    """A container in the network of the deployment; its name there."""
    name = f"{telling.project}-receiver"
    network = f"{telling.project}_default"
    docker(
        "run", "--detach", "--name", name, "--network", network, "--entrypoint", "python", WORKER_IMAGE, "-c", RECEIVER
    )
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def received(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in docker("logs", name).splitlines()]


def test_a_receiver_is_told_that_a_job_has_ended(telling: Deployment, receiver: str) -> None:
    webhook = {"url": f"http://{receiver}:8080/hook"}
    job = httpx2.post(f"{telling.url}/v1/predictions", json={"input": PERSON, "webhook": webhook}).json()
    eventually(lambda: len(received(receiver)) > 0, lambda: telling.compose("logs"), seconds=60.0)

    [request] = received(receiver)
    message = Webhook(SECRET).verify(
        request["body"], {name.lower(): value for name, value in request["headers"].items()}
    )
    assert (message["type"], message["data"]["id"]) == ("prediction.succeeded", job["id"])


def test_what_delivers_them_is_healthy_and_confined(telling: Deployment) -> None:
    telling.wait_until_healthy("webhooks")

    [container] = telling.containers("webhooks")
    found = inspect(container)
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert [mount for mount in found["Mounts"] if mount["Destination"] != "/tmp"] == []


def test_nothing_else_knows_the_secret(telling: Deployment) -> None:
    others = [inspect(telling.containers(name)[0])["Config"]["Env"] for name in ("api", "worker", "bulk-worker")]

    assert [line for told in others for line in told if SECRET in line] == []
