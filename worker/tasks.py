"""Thin tasks: decode, call, done."""

from typing import Any

from celery import Celery

from shared.messages import PredictMessage
from shared.queues import TaskName
from worker.micro_batch import MicroBatch


def register_tasks(celery: Celery, micro_batch: MicroBatch) -> None:
    """Bind the task names of this worker to the collaborators that do the work."""

    @celery.task(name=TaskName.PREDICT)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(**message: Any) -> None:
        micro_batch.run(PredictMessage.decode(message))
