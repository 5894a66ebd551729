"""Thin tasks: decode, call, done."""

import logging
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from celery import Celery

from shared.errors import DependencyError
from shared.lane_flow import LaneFlow
from shared.messages import MessageUnreadable, PredictMessage, StepMessage
from shared.queues import Lane, TaskName
from shared.sqs_messages import Origin
from shared.unreadable import RecordUnreadable
from worker.activity import Activity
from worker.batch_steps import BatchSteps
from worker.measures import Measures
from worker.micro_batch import MicroBatch

log = logging.getLogger(__name__)


def register_tasks(
    celery: Celery,
    micro_batch: MicroBatch,
    batch_steps: BatchSteps,
    *,
    flow: LaneFlow,
    activity: Activity,
    measures: Measures,
) -> None:
    """Bind the task names of this worker to the collaborators that do the work."""

    def find_origin(message: Mapping[str, Any], lane: Lane) -> Origin | None:
        origin = Origin.find(message)
        if origin is not None:
            flow.note(lane, origin.sent_at)
        return origin

    task = partial(celery.task, Strategy=f"{__name__}:{call_at_once.__name__}", shared=False)

    @task(name=TaskName.PREDICT)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(**message: Any) -> None:
        with activity.working(), measures.message(Lane.INTERACTIVE):
            decoded = PredictMessage.decode(message)
            micro_batch.run(decoded, find_origin(message, decoded.lane))

    @task(name=TaskName.BATCH_STEP)  # type: ignore[untyped-decorator]  # Celery has no types.
    def batch_step(**message: Any) -> None:
        with activity.working(), measures.message(Lane.BULK):
            batch_steps.run(StepMessage.decode(message), find_origin(message, Lane.BULK))


def call_at_once(task: Any, _celery: Any, consumer: Any) -> Callable[..., None]:
    """Return what Celery calls for each message of the task: the task itself (an execution strategy of Celery).

    Celery's own makes a request of the message and traces the task, for states, results, retries, time limits and
    events, of which ours uses none. Whatever a task raises, its message is not acknowledged but left with its broker,
    for the store may have lost the record: SQS gives it out again, a few times at most, and then sets it aside; Redis
    drops it and has the records, by which the sweeper goes: it sends again what has no end.
    """

    def handle(
        message: Any, _body: Any, acknowledge: Callable[..., None], reject: Callable[..., None], *_: Any
    ) -> None:
        # What Celery refuses, such as content that could carry code, it refuses itself.
        content = message.decode()
        try:
            _positional, arguments, _embedded = content
            task.run(**arguments)
        except DependencyError as error:
            log.warning("message left in its queue", extra={"detail": error.detail})
            reject(log, consumer.connection_errors, requeue=False)
        except MessageUnreadable as error:
            log.error("message dropped", extra={"task": task.name, "detail": str(error)})  # noqa: TRY400
            acknowledge(log, consumer.connection_errors)
        except RecordUnreadable as error:
            log.error("task failed", extra={"task": task.name, "detail": str(error)})  # noqa: TRY400
            reject(log, consumer.connection_errors, requeue=False)
        except Exception as error:
            # Without its text, which may quote the message, whose content belongs to whoever sent it.
            where = "".join(traceback.format_tb(error.__traceback__))
            fields = {"task": task.name, "error": type(error).__name__, "traceback": where}
            log.error("task failed", extra=fields)  # noqa: TRY400
            reject(log, consumer.connection_errors, requeue=False)
        else:
            acknowledge(log, consumer.connection_errors)

    return handle
