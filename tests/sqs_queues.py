"""Queues on a moto server: one for each lane, with its dead-letter queue, made as docs/how-to/run-on-sqs.md says."""

import json
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from tests.moto_process import MotoProcess

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

VISIBILITY_SECONDS = 180


def make_queue(client: "SQSClient", name: str, **attributes: str) -> str:
    """Make a queue with a dead-letter queue, and return its URL; an empty attribute is left out."""
    dead_url = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_arn = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5})
    wanted = {"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": redrive} | attributes
    given = {key: value for key, value in wanted.items() if value}
    return client.create_queue(QueueName=name, Attributes=given)["QueueUrl"]  # type: ignore[arg-type]


def sqs_settings(moto: MotoProcess, prefix: str, **attributes: str) -> dict[str, Any]:
    """Make the queues of a deployment, and return the settings that lead to them."""
    client = moto.sqs_client()
    return {
        "broker_url": SecretStr("sqs://"),
        "sqs_endpoint_url": moto.url,
        "sqs_interactive_url": make_queue(client, f"{prefix}-interactive", **attributes),
        "sqs_bulk_url": make_queue(client, f"{prefix}-bulk", **attributes),
    }
