"""A server that speaks SQS (moto), with the queues of a deployment, and an endpoint in front of it for each side."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Self

import boto3

from benchmarks.chaos.web_client import NoAnswer, WebClient
from benchmarks.forwarder import Forwarder
from benchmarks.service import free_port
from benchmarks.warm_process import Deadline
from shared.child_process import end_with_parent
from shared.queues import Lane

#: moto takes any.
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "chaos",
    "AWS_SECRET_ACCESS_KEY": "chaos",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
_REGION = "us-east-1"
_START_SECONDS = 60.0
#: As docs/how-to says for AWS.
_RECEIVE_COUNT = 5


@dataclass(frozen=True, slots=True)
class QueueServer:
    """The server with its queues. It keeps all in memory, so it is frozen and cut off but never killed."""

    process: subprocess.Popen[bytes]
    to_workers: Forwarder
    to_api: Forwarder
    #: Address at which workers find `to_workers`.
    worker_host: str
    queue_urls: Mapping[Lane, str]

    @classmethod
    @contextmanager
    def run(cls, *, worker_host: str, visibility_seconds: int) -> Iterator[Self]:
        """Run it for the time of the block; worker_host: where this machine is for the workers."""
        port = free_port()
        with ExitStack() as running:
            process = running.enter_context(_running_moto(port))
            to_workers = running.enter_context(Forwarder.to(port, host=worker_host))
            to_api = running.enter_context(Forwarder.to(port))
            yield cls(process, to_workers, to_api, worker_host, _make_queues(port, visibility_seconds))

    def environment(self) -> dict[str, str]:
        """Return the variables of every process of the service."""
        urls = {f"ROWCALL_SQS_{lane.value.upper()}_URL": url for lane, url in self.queue_urls.items()}
        return {"ROWCALL_BROKER_URL": "sqs://", **urls, **_CREDENTIALS}

    @property
    def worker_url(self) -> str:
        return f"http://{self.worker_host}:{self.to_workers.port}"

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.to_api.port}"

    def sleep(self, seconds: float) -> None:
        """Let the server do nothing at all for so long."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def _running_moto(port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - it only asks the kernel for a signal
    )
    try:
        deadline = Deadline(_START_SECONDS)
        while not _answers(port):
            time.sleep(min(0.1, deadline.remaining_seconds()))
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    client = WebClient(port)
    try:
        return client.ask("GET", "/moto-api/").status == 200
    except NoAnswer:
        return False
    finally:
        client.close()


def _make_queues(port: int, visibility_seconds: int) -> dict[Lane, str]:
    client = boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=_REGION,
        aws_access_key_id=_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    return {lane: _make_queue(client, f"chaos-{lane.value}", visibility_seconds) for lane in Lane}


def _make_queue(client: Any, name: str, visibility_seconds: int) -> str:
    """Make a queue with a dead-letter queue, and return its URL."""
    dead_url = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": _RECEIVE_COUNT})
    attributes = {"VisibilityTimeout": str(visibility_seconds), "RedrivePolicy": redrive}
    return str(client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
