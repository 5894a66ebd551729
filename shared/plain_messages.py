"""Messages as our channels read them: nothing in them is unpacked."""

from typing import Any

from kombu.transport import virtual


class PlainMessage(virtual.Message):
    """kombu's message, but for its compression: we pack none, and a few packed bytes may fill a worker's memory."""

    def __init__(self, payload: Any, channel: Any = None, **kwargs: Any) -> None:
        headers = payload.get("headers") or {}
        headers.pop("compression", None)
        super().__init__(payload, channel=channel, **kwargs)  # type: ignore[no-untyped-call]
