"""What a webhook says, and what proves who sends it: Standard Webhooks 1.0."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
from pydantic import SecretStr
from standardwebhooks import Webhook

from shared.webhook_outbox import Message


def write_body(message: Message) -> bytes:
    """Return the body, the same at every try: that something ended, and how. The answer itself is read by its URL.

    A webhook proves who sends it and not who receives it, so predictions do not travel by it.
    """
    kind, path = ("batch", "batches") if message.subject.startswith("bat_") else ("prediction", "predictions")
    data = {
        "id": message.subject,
        "object": kind,
        "status": message.status,
        "error": message.error_code and {"code": message.error_code},
        "created_at": _show_time(message.created_at),
        "completed_at": _show_time(message.completed_at),
        "expires_at": _show_time(message.expires_at),
        "urls": {"get": f"/v1/{path}/{message.subject}"},
    }
    return orjson.dumps({"type": f"{kind}.{message.status}", "timestamp": data["completed_at"], "data": data})


def _show_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Signer:
    """Signs with every secret, so that a receiver may know the old one or the new one while they are exchanged."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._webhooks = [Webhook(secret.get_secret_value()) for secret in secrets]

    def headers(self, message_id: str, body: bytes, sent_at: datetime) -> dict[str, str]:
        """Return the headers that a receiver verifies. sent_at: in UTC."""
        text = body.decode()
        signatures = [webhook.sign(message_id, sent_at, text) for webhook in self._webhooks]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
