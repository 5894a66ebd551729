"""make_sqs_client: the one way to a client of SQS. boto3 finds the credentials, and renews them.

Only deployments on SQS import this module, because boto3 takes a second to import.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import BrokerUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_SECONDS = 2


def make_sqs_client(region: str, endpoint_url: str | None, *, answer_seconds: float, attempts: int) -> "SQSClient":
    """Return a thread-safe client; it connects on first use.

    answer_seconds: longest wait for one answer; a half-open connection is found out after it.
    attempts: tries in all, with pauses between them, on a lost connection, on an error of the server and on throttling.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=answer_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )
    return Session().client("sqs", region_name=region, endpoint_url=endpoint_url, config=config)


@contextmanager
def sqs_errors() -> Iterator[None]:
    """Translate what boto3 raises into our tree."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BrokerUnavailable(f"The broker does not answer ({name_error(error)}).") from error


def name_error(error: Exception) -> str:
    """Return the code that SQS gave, or else the kind of failure."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
