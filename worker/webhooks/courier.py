"""Courier: takes messages from the outbox, sends them, and writes down what became of them."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from shared.errors import DependencyError
from shared.settings import Settings
from shared.webhook_outbox import MOST_ATTEMPTS, PAUSES_SECONDS, Message, RedisWebhookOutbox
from shared.webhooks import DeliveryErrorCode, WebhookUrlRefused, read_webhook_url
from worker.webhooks.payload import Signer, write_body
from worker.webhooks.transport import NotDelivered, Transport

log = logging.getLogger(__name__)

#: How often it looks for messages when there were none.
LOOK_SECONDS = 0.25
#: A pause becomes up to so much longer, so that what failed together does not come back together.
_JITTER = 0.2
#: The receiver wants no more of this.
_GONE = 410
_FIXED_HEADERS = {"Content-Type": "application/json", "User-Agent": "rowcall-webhooks", "Connection": "close"}


class Courier:
    """Delivers with several threads; a quarter of them at most serves one receiver, so that a dead one leaves room."""

    def __init__(
        self, outbox: RedisWebhookOutbox, transport: Transport, settings: Settings, on_turn: Callable[[], None]
    ) -> None:
        """on_turn: called at each turn of the loop."""
        self._outbox = outbox
        self._transport = transport
        self._signer = Signer(settings.webhook_secrets)
        self._allowed = settings.webhook_allowed_networks
        self._threads = settings.webhook_concurrency
        self._most_of_one = max(self._threads // 4, 1)
        self._on_turn = on_turn
        #: A plain flag, because a signal handler sets it: a lock could be held by the very thread that it interrupts.
        self._is_stopping = False
        self._in_hand: Counter[str] = Counter()
        #: Guards what is in hand, and is told when that has become less.
        self._changed = threading.Condition()

    def stop(self) -> None:
        """Take no other message; `run` returns when those in hand are settled."""
        self._is_stopping = True

    def run(self) -> None:
        """Deliver until it is told to stop. Never raises for a server that is away."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="courier") as pool:
            while not self._is_stopping:
                self._on_turn()
                if not self._look(pool):
                    time.sleep(LOOK_SECONDS)

    def _look(self, pool: ThreadPoolExecutor) -> bool:
        """Hand out what is due; returns whether to look again at once."""
        with self._changed:
            room = self._threads - self._in_hand.total()
            if room <= 0:
                return self._changed.wait(LOOK_SECONDS)
            in_hand: Mapping[str, int] = dict(self._in_hand)
        try:
            claim = self._outbox.claim(most=room, most_of_one=self._most_of_one, in_hand=in_hand)
        except DependencyError as error:
            log.warning("outbox not looked at, trying again", extra={"detail": error.detail})
            return False
        for message in claim.messages:
            with self._changed:
                self._in_hand[message.receiver] += 1
            pool.submit(self._attend, message)
        return claim.has_more or len(claim.messages) == room

    def _attend(self, message: Message) -> None:
        try:
            self.deliver(message)
        except DependencyError as error:
            log.warning("delivery not written down, it is repeated", extra=_facts(message, detail=error.detail))
        except Exception:
            # The lease runs out, and the message is tried again, as often as any.
            log.exception("delivery failed on a defect", extra=_facts(message))
        finally:
            with self._changed:
                self._in_hand[message.receiver] -= 1
                if not self._in_hand[message.receiver]:
                    del self._in_hand[message.receiver]
                self._changed.notify()

    def deliver(self, message: Message) -> None:
        """Send a message that this process holds, and write down what became of it; raises DependencyError."""
        began = time.monotonic()
        status, error = self._send(message)
        facts = _facts(message, status=status, error=error, seconds=round(time.monotonic() - began, 3))
        if error is None:
            assert status is not None
            self._outbox.delivered(message, status)
            log.info("webhook delivered", extra=facts)
        elif error is DeliveryErrorCode.ADDRESS_REFUSED or status == _GONE or message.attempt >= MOST_ATTEMPTS:
            self._outbox.failed(message, error, status)
            log.warning("webhook given up", extra=facts)
        else:
            self._outbox.postpone(message, error, status, pause_seconds=choose_pause(message.attempt))
            log.info("webhook not delivered, trying again later", extra=facts)

    def _send(self, message: Message) -> tuple[int | None, DeliveryErrorCode | None]:
        """Return the status of the answer, and why the message was not delivered; None when it was."""
        body = write_body(message)
        headers = _FIXED_HEADERS | self._signer.headers(message.id, body, datetime.now(UTC))
        try:
            receiver = read_webhook_url(message.url, self._allowed)
            status = self._transport.post(receiver, body, headers, turn=message.attempt - 1)
        except WebhookUrlRefused:
            return None, DeliveryErrorCode.ADDRESS_REFUSED
        except NotDelivered as failure:
            return None, failure.code
        return status, None if 200 <= status < 300 else DeliveryErrorCode.REFUSED_BY_RECEIVER


def choose_pause(attempt: int, draw: Callable[[], float] = random.random) -> float:
    """Return the seconds from a try that failed to the next one. draw: a number from 0 to 1."""
    return PAUSES_SECONDS[attempt - 1] * (1 + _JITTER * draw())


def _facts(message: Message, **more: object) -> dict[str, object]:
    """What a log may say of a message: its URL can hold secrets of the receiver."""
    return {"webhook_id": message.id, "attempt": message.attempt, **more}
