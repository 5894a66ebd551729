"""How Celery is told of SQS, without importing boto3: an API on Redis never does."""

import re
from typing import Any

from kombu.transport import TRANSPORT_ALIASES

from shared.settings import Settings

#: One long poll waits so long for a message: the most that SQS allows, so an idle worker asks three times a minute.
WAIT_SECONDS = 20

_AWS_HOST = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)amazonaws\.com")
#: Servers other than AWS's take any.
_ANY_REGION = "us-east-1"


def use_sqs() -> None:
    """Let kombu find our transport behind sqs://."""
    TRANSPORT_ALIASES["sqs"] = "shared.sqs_transport:Transport"


def sqs_options(settings: Settings) -> dict[str, Any]:
    """Return the options of the transport; predefined queues keep it from ListQueues and CreateQueue."""
    return {
        "predefined_queues": {lane.value: {"url": url} for lane, url in settings.queue_urls.items()},
        "wait_time_seconds": WAIT_SECONDS,
        "polling_interval": 0,
        "region": find_region(settings),
        "endpoint_url": settings.sqs_endpoint_url,
    }


def find_region(settings: Settings) -> str:
    """Return the region of the queues: their URLs name it, and requests are signed for it."""
    found = _AWS_HOST.match(settings.sqs_interactive_url or "")
    return (found[1] or found[2]) if found else _ANY_REGION
