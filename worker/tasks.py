"""Thin tasks: decode, call, done."""

from typing import Any

from celery import Celery

from shared.messages import PredictMessage, StepMessage
from shared.queues import TaskName
from worker.activity import Activity
from worker.batch_steps import BatchSteps
from worker.micro_batch import MicroBatch


def register_tasks(celery: Celery, micro_batch: MicroBatch, batch_steps: BatchSteps, activity: Activity) -> None:
    """Bind the task names of this worker to the collaborators that do the work."""

    @celery.task(name=TaskName.PREDICT)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(**message: Any) -> None:
        with activity.working():
            micro_batch.run(PredictMessage.decode(message))

    @celery.task(name=TaskName.BATCH_STEP)  # type: ignore[untyped-decorator]  # Celery has no types.
    def batch_step(**message: Any) -> None:
        with activity.working():
            batch_steps.run(StepMessage.decode(message))
