"""Process entry: `python -m worker.webhooks`. SIGTERM drains: what is in hand is settled, nothing else is taken."""

import os
import signal
import sys

from shared.logs import configure_logs
from shared.redis_client import make_redis
from shared.settings import Settings, SettingsInvalid, read_settings
from shared.webhook_outbox import RedisWebhookOutbox
from worker.webhooks.courier import Courier
from worker.webhooks.pulse import Pulse
from worker.webhooks.transport import Transport

#: A delivery that succeeded should be written down, though the store is away for some seconds.
RETRIES = 8


def create_courier(settings: Settings, pulse: Pulse) -> Courier:
    """Return a courier that is ready to run; raises SettingsInvalid."""
    if not settings.webhook_secrets:
        raise SettingsInvalid("ROWCALL_WEBHOOK_SECRETS: must hold a secret, or receivers cannot tell who sends")
    connections = settings.webhook_concurrency + 1
    redis = make_redis(settings, settings.store_url, retries=RETRIES, max_connections=connections)
    outbox = RedisWebhookOutbox(redis, settings)
    return Courier(outbox, Transport(settings.webhook_allowed_networks), settings, on_turn=pulse.beat)


def main() -> int:
    """Deliver webhooks until it is told to stop; exit status 78 when its settings cannot be used."""
    try:
        settings = read_settings()
        configure_logs("webhooks", settings.log_level)
        pulse = Pulse(settings.health_file)
        courier = create_courier(settings, pulse)
    except SettingsInvalid as error:
        sys.stderr.write(f"rowcall webhooks refuses to start: {error}\n")
        return os.EX_CONFIG
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: courier.stop())
    try:
        courier.run()
    finally:
        pulse.end()
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
