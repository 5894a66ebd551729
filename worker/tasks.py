"""Thin tasks: decode, call, done."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import Celery

from shared.messages import PredictMessage, StepMessage
from shared.queues import TaskName
from worker.activity import Activity
from worker.batch_steps import BatchSteps
from worker.micro_batch import MicroBatch

log = logging.getLogger(__name__)


def register_tasks(celery: Celery, micro_batch: MicroBatch, batch_steps: BatchSteps, activity: Activity) -> None:
    """Bind the task names of this worker to the collaborators that do the work."""

    task = partial(celery.task, Strategy=f"{__name__}:{call_at_once.__name__}", shared=False)

    @task(name=TaskName.PREDICT)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(**message: Any) -> None:
        with activity.working():
            micro_batch.run(PredictMessage.decode(message))

    @task(name=TaskName.BATCH_STEP)  # type: ignore[untyped-decorator]  # Celery has no types.
    def batch_step(**message: Any) -> None:
        with activity.working():
            batch_steps.run(StepMessage.decode(message))


def call_at_once(task: Any, _celery: Any, consumer: Any) -> Callable[..., None]:
    """Return what Celery calls for each message of the task: the task itself (an execution strategy of Celery).

    Celery's own makes a request of the message and traces the task, for states, results, retries, time limits and
    events, of which ours uses none. Whatever a task raises is logged and its message done with, because the sweeper
    goes by the records: it sends again what has no end.
    """

    def handle(message: Any, _body: Any, acknowledge: Callable[..., None], *_: Any) -> None:
        # What Celery refuses, such as content that could carry code, it refuses itself.
        content = message.decode()
        try:
            _positional, arguments, _embedded = content
            task.run(**arguments)
        except Exception:
            log.exception("task failed", extra={"task": task.name})
        acknowledge(log, consumer.connection_errors)

    return handle
