"""Celery's SQS transport, with queues read by boto3 in threads.

kombu 5.7 reads them with pycurl in its event loop, without a timeout, and an error ends the reading of a queue in
silence (decision record 0011). boto3 has timeouts, tries again, and is there anyway.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from kombu.transport import SQS
from kombu.transport.SQS.exceptions import AccessDeniedQueueException

from shared.plain_messages import PlainMessage
from shared.sqs_client import make_sqs_client, name_error
from shared.unreadable import MISSHAPEN

log = logging.getLogger(__name__)

#: What one call may take besides the wait for a message.
ANSWER_SECONDS = 5
ATTEMPTS = 4
#: Pauses of a queue that cannot be read: they double from the first to the longest.
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
#: How soon to look again for leave to take a message.
LOOK_AGAIN_SECONDS = 0.5

Messages = Sequence[Mapping[str, Any]]


class Receiver:
    """Reads one queue in a thread. Asked for a message, it does not rest until it has one.

    read: waits for messages and returns them, none after a while. hand_over: is called with them by the thread.
    give_back: takes those that come when nobody wants them any more.
    """

    def __init__(
        self,
        name: str,
        *,
        read: Callable[[], Messages],
        hand_over: Callable[[Messages], None],
        give_back: Callable[[Messages], None],
    ) -> None:
        self._name = name
        self._read = read
        self._hand_over = hand_over
        self._give_back = give_back
        self._wanted = threading.Event()
        self._is_closed = False
        threading.Thread(target=self._run, name=f"receive-{name}", daemon=True).start()

    def ask(self) -> None:
        """Want messages; asking twice is asking once."""
        self._wanted.set()

    def close(self) -> None:
        """Want none any more; the thread ends when the read in hand does."""
        self._is_closed = True
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            messages = self._read_until_any()
            self._wanted.clear()
            if self._is_closed:
                self._give_back(messages)
                return
            self._hand_over(messages)

    def _read_until_any(self) -> Messages:
        pause = FIRST_PAUSE_SECONDS
        while not self._is_closed:
            try:
                messages = self._read()
            except (BotoCoreError, ClientError) as error:
                log.warning("queue not read, trying again", extra={"queue": self._name, "detail": name_error(error)})
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS
                if messages:
                    return messages
        return []


class Channel(SQS.Channel):
    """kombu's channel, reading with one receiver for each queue and one client for all."""

    Message = PlainMessage

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._hub: Any = self.hub
        self._receivers: dict[str, Receiver] = {}

    def sqs(self, queue: str | None = None) -> Any:  # noqa: ARG002 - one client serves all queues
        return self.connection.sqs_client

    def _schedule_queue(self, queue: str) -> None:
        if queue not in self._active_queues:
            return
        if not self.qos.can_consume():
            self._hub.call_later(LOOK_AGAIN_SECONDS, self._schedule_queue, queue)
            return
        if queue not in self._receivers:
            self._receivers[queue] = self._make_receiver(queue)
        self._receivers[queue].ask()

    def _make_receiver(self, queue: str) -> Receiver:
        url = self._new_queue(queue)  # type: ignore[no-untyped-call]
        return Receiver(
            queue,
            # One at a time: a worker that is busy must not hold messages that another could take.
            read=lambda: self._receive_message(queue).get("Messages", []),
            # The hub wakes up for calls from other threads.
            hand_over=lambda messages: self._hub.call_soon(self._deliver, queue, messages),
            give_back=lambda messages: self._release_messages(url, queue, messages),
        )

    def _deliver(self, queue: str, messages: Messages) -> None:
        """Let Celery take the messages, in its own thread; with the solo pool it works on them before this returns."""
        try:
            url = self._new_queue(queue)  # type: ignore[no-untyped-call]
            self._on_messages_ready(url, queue, {"Messages": messages})  # type: ignore[no-untyped-call]
        except (BotoCoreError, ClientError, AccessDeniedQueueException) as error:
            # Their work is done; they come back, and are found to be.
            log.warning("messages not acknowledged", extra={"queue": queue, "detail": name_error(error)})
        except MISSHAPEN as error:
            # kombu would end the worker on it, and the next worker later. SQS gives it out again a few times at most,
            # and then sets it aside. Its text may quote what was there, whose content belongs to whoever sent it.
            fields = {"queue": queue, "error": type(error).__name__}
            log.error("left in its queue what is no message", extra=fields)  # noqa: TRY400
        finally:
            self._hub.call_soon(self._schedule_queue, queue)

    def _release_messages(self, queue: str, qname: str, messages: Messages) -> None:
        """Let other workers have them at once."""
        try:
            for message in messages:
                self.connection.sqs_client.change_message_visibility(
                    QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        except (BotoCoreError, ClientError) as error:
            log.warning("messages not given back", extra={"queue": qname, "detail": name_error(error)})

    def close(self) -> None:
        for receiver in self._receivers.values():
            receiver.close()
        super().close()  # type: ignore[no-untyped-call]


class Transport(SQS.Transport):
    """kombu's transport with our channels."""

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)  # type: ignore[no-untyped-call]
        options = client.transport_options
        self.sqs_client = make_sqs_client(
            options["region"],
            options["endpoint_url"],
            answer_seconds=options["wait_time_seconds"] + ANSWER_SECONDS,
            attempts=ATTEMPTS,
        )
