"""Thin tasks: decode, call, done."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery
from celery.exceptions import Reject

from shared.errors import StoreUnavailable
from shared.lane_flow import LaneFlow
from shared.messages import PredictMessage, StepMessage
from shared.queues import Lane, TaskName
from shared.sqs_messages import Origin
from worker.batch_steps import BatchSteps
from worker.micro_batch import MicroBatch

log = logging.getLogger(__name__)


def register_tasks(celery: Celery, micro_batch: MicroBatch, batch_steps: BatchSteps, flow: LaneFlow) -> None:
    """Bind the task names of this worker to the collaborators that do the work."""

    def find_origin(message: dict[str, Any], lane: Lane) -> Origin | None:
        origin = Origin.find(message)
        if origin is not None:
            flow.note(lane, origin.sent_at)
        return origin

    @celery.task(name=TaskName.PREDICT)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(**message: Any) -> None:
        with kept_for_later():
            decoded = PredictMessage.decode(message)
            micro_batch.run(decoded, find_origin(message, decoded.lane))

    @celery.task(name=TaskName.BATCH_STEP)  # type: ignore[untyped-decorator]  # Celery has no types.
    def batch_step(**message: Any) -> None:
        with kept_for_later():
            batch_steps.run(StepMessage.decode(message), find_origin(message, Lane.BULK))


@contextmanager
def kept_for_later() -> Iterator[None]:
    """Leave the message with its broker when the store is away: it may come back without the records.

    SQS gives it to a worker again after its visibility timeout. Redis drops it, and the sweeper has the records.
    """
    try:
        yield
    except StoreUnavailable as error:
        log.warning("message left in its queue", extra={"detail": error.detail})
        raise Reject(error.detail, requeue=False) from error
