"""Celery on Redis as people write it, with its own result backend: what it loses shows that the faults are real.

Two applications, because people acknowledge early (the default) or late. Everything that is set favors Celery: messages
of a dead worker come back after seconds and not after an hour, and those of a lost pool process at once.
"""

import sys
from enum import StrEnum
from typing import Any

import joblib
from celery import Celery

from benchmarks.chaos.traced_model import TracedClassifier

TASK = "predict"
POOL_PROCESSES = 4
#: A message whose worker is gone comes back after this, and at most two looks later.
VISIBILITY_SECONDS = 15
RESTORE_SECONDS = 5


class Acknowledgement(StrEnum):
    """When a worker tells the broker that it is done with a message."""

    EARLY = "early"
    LATE = "late"


#: Each application has a database of its own.
DATABASES = {Acknowledgement.EARLY: 0, Acknowledgement.LATE: 1}


def make_app(address: str, acknowledgement: Acknowledgement) -> Celery:
    """Return the application; queue and results lie on the same server. address: host:port."""
    url = f"redis://{address}/{DATABASES[acknowledgement]}"
    app = Celery("stock", broker=url, backend=url, set_as_current=False)
    is_late = acknowledgement is Acknowledgement.LATE
    app.conf.update(
        task_acks_late=is_late,
        task_reject_on_worker_lost=is_late,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": RESTORE_SECONDS,
            "unacked_restore_throttle": 1,
        },
    )
    return app


def run_worker(address: str, acknowledgement: str, artifact: str, trace_dir: str, call_seconds: str) -> None:
    """Serve the task with a few pool processes; Celery's defaults otherwise."""
    app = make_app(address, Acknowledgement(acknowledgement))
    model = joblib.load(artifact)
    estimator = TracedClassifier(model, trace_dir, float(call_seconds)).fit([[0.0] * 5], None)
    classes = estimator.classes_.tolist()

    @app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery has no types.
    def predict(row: list[float]) -> dict[str, Any]:
        # Two, because a lone row takes another path in linear algebra, which differs in the last bit.
        values = estimator.predict_proba([row, row])[0]
        return {
            "prediction": classes[values.argmax()],
            "probabilities": dict(zip(classes, values.tolist(), strict=True)),
        }

    app.worker_main(["worker", "--loglevel=WARNING", "--pool=prefork", f"--concurrency={POOL_PROCESSES}"])


if __name__ == "__main__":
    run_worker(*sys.argv[1:])
