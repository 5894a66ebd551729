"""Are the queues on SQS made as they must be? Looked at once, before a worker takes its first message."""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared.queues import Lane
from shared.settings import Settings, SettingsInvalid
from shared.sqs_client import make_sqs_client, name_error
from shared.sqs_options import find_region

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeFilterType

log = logging.getLogger(__name__)

#: A message may come back this often before it is set aside: at a stop it does so without any fault of its own.
LEAST_RECEIVES = 5
ANSWER_SECONDS = 5
ATTEMPTS = 4

_ATTRIBUTES: tuple["QueueAttributeFilterType", ...] = ("VisibilityTimeout", "RedrivePolicy", "MaximumMessageSize")
#: Codes that only a person can do something about.
_REFUSALS = ("AccessDenied", "NonExistentQueue", "QueueDoesNotExist", "InvalidAddress", "InvalidClientTokenId")


def require_fit_queues(settings: Settings) -> None:
    """Raise SettingsInvalid when a queue of this worker's lanes cannot be used as it is.

    Queues that cannot be looked at now, because SQS does not answer, are waited for like any other outage.
    """
    client = make_sqs_client(
        find_region(settings), settings.sqs_endpoint_url, answer_seconds=ANSWER_SECONDS, attempts=ATTEMPTS
    )
    for lane in settings.lanes:
        url = settings.queue_urls[lane]
        assert url is not None
        faults = list(_find_faults(_read_attributes(client, lane, url), settings))
        if faults:
            raise SettingsInvalid(f"queue {url} (ROWCALL_SQS_{lane.upper()}_URL): {'; '.join(faults)}")


def _read_attributes(client: "SQSClient", lane: Lane, url: str) -> Mapping[str, str]:
    """Return the attributes of a queue, none if SQS does not answer; raises SettingsInvalid if it says no."""
    try:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=_ATTRIBUTES)
        return {str(name): value for name, value in answer["Attributes"].items()}
    except (BotoCoreError, ClientError) as error:
        name = name_error(error)
        if isinstance(error, ClientError) and any(code in name for code in _REFUSALS):
            detail = f"GetQueueAttributes was answered with {name}; check the URL and sqs:GetQueueAttributes"
            raise SettingsInvalid(f"queue {url} (ROWCALL_SQS_{lane.upper()}_URL): {detail}") from error
        if name == "NoCredentialsError":
            raise SettingsInvalid(
                "no AWS credentials were found; give the worker a role or AWS_ACCESS_KEY_ID"
            ) from error
        log.warning("queue not looked at", extra={"lane": lane.value, "detail": name})
        return {}


def _find_faults(attributes: Mapping[str, str], settings: Settings) -> Iterator[str]:
    """Yield what must be changed."""
    if not attributes:
        return
    visibility = int(attributes["VisibilityTimeout"])
    if visibility < settings.visibility_seconds:
        yield (
            f"set VisibilityTimeout to {settings.visibility_seconds} or more (it is {visibility}), "
            "twice ROWCALL_PREDICT_TIMEOUT_SECONDS and 60"
        )
    receives = int(json.loads(attributes.get("RedrivePolicy", "{}")).get("maxReceiveCount", 0))
    if not receives:
        yield f"give it a RedrivePolicy with a dead-letter queue and a maxReceiveCount of {LEAST_RECEIVES} or more"
    elif receives < LEAST_RECEIVES:
        yield f"set maxReceiveCount of its RedrivePolicy to {LEAST_RECEIVES} or more (it is {receives})"
    largest = int(attributes.get("MaximumMessageSize", settings.sqs_message_bytes))
    if largest < settings.sqs_message_bytes:
        wanted = settings.sqs_message_bytes
        yield f"set MaximumMessageSize to {wanted} or more, or ROWCALL_SQS_MESSAGE_BYTES to no more than {largest}"
