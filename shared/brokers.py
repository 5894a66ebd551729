"""make_broker(settings): the broker that the settings name."""

from celery import Celery
from redis import Redis

from shared.broker import Broker, CeleryBroker
from shared.redis_client import SOCKET_TIMEOUT_SECONDS, make_redis, open_connections_soon
from shared.settings import Settings
from shared.sqs_options import find_region


def make_broker(
    settings: Settings,
    celery: Celery,
    *,
    store: Redis,
    retries: int,
    timeout_seconds: float = SOCKET_TIMEOUT_SECONDS,
    connections: int = 0,
) -> Broker:
    """Return the broker; it connects on first use.

    store: a client of the job store. retries, timeout_seconds: of a client of the queues' server, if that is a Redis.
    connections: so many are opened beforehand, if it is one.
    """
    if not settings.is_on_sqs:
        url = settings.effective_broker_url
        queues = make_redis(settings, url, retries=retries, timeout_seconds=timeout_seconds)
        if connections:
            open_connections_soon(queues, connections)
        return CeleryBroker(celery, queues, settings)
    from shared.sqs_broker import ANSWER_SECONDS, ATTEMPTS, SqsBroker  # noqa: PLC0415 - boto3 takes a second to import
    from shared.sqs_client import make_sqs_client  # noqa: PLC0415 - the same

    client = make_sqs_client(
        find_region(settings), settings.sqs_endpoint_url, answer_seconds=ANSWER_SECONDS, attempts=ATTEMPTS
    )
    return SqsBroker(celery, client, store, settings)
