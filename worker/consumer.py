"""Celery's consumer, which a message that nobody can read does not stop."""

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

from shared.unreadable import MISSHAPEN

log = logging.getLogger(__name__)


class Consumer(CeleryConsumer):  # type: ignore[misc]  # Celery has no types.
    """Celery ends the worker on a body that is JSON but no task, and the next worker after the visibility timeout."""

    def create_task_handler(self, *arguments: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*arguments)

        def handle_or_drop(message: Any) -> None:
            try:
                handle(message)
            except MISSHAPEN as error:
                # Its text may quote the message, whose content belongs to whoever sent it.
                log.error("message dropped that nobody can read", extra={"error": type(error).__name__})  # noqa: TRY400
                message.reject_log_error(log, self.connection_errors)

        return handle_or_drop
