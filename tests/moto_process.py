"""A real moto server for tests: AWS over HTTP, in a process of its own that its user ends."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from boto3.session import Session

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

#: What boto3 finds in the environment of a test; moto takes any.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test-access-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret-key",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}


class MotoProcess:
    """The server, on a port that was free a moment ago."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextmanager
    def run(cls, module: str = "moto.server") -> Iterator[Self]:
        server = cls()
        command = [sys.executable, "-m", module, "-H", "127.0.0.1", "-p", str(server.port)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                server._wait_for(process)
                yield server
            finally:
                process.kill()

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + 60
        while not self._answers():
            assert process.poll() is None, "moto ended"
            assert time.monotonic() < until, "moto does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/moto-api/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def client(self) -> "S3Client":
        """Return a client that sees what lies in the buckets, whoever wrote it."""
        return _session().client("s3", endpoint_url=self.url)

    def sqs_client(self) -> "SQSClient":
        """Return a client that sees what lies in the queues, whoever sent it."""
        return _session().client("sqs", endpoint_url=self.url)


def _session() -> Session:
    return Session(
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
