"""Single predictions as people write them with Celery: a task for each request, and a view that waits for its result.

Kept as small as such code is; it is what we compare with, not an example to follow. Celery's defaults everywhere.
`BENCHMARK_STORE_URL` names the server that holds queue and results.
"""

import os
from functools import cache
from typing import Any

from celery import Celery
from flask import Flask, Response, jsonify, request

from benchmarks.answers import load_estimator, predict_record

URL = os.environ["BENCHMARK_STORE_URL"]
celery = Celery("naive", broker=URL, backend=URL, broker_connection_retry_on_startup=True)
web = Flask("naive")
get_estimator = cache(load_estimator)


@celery.task  # type: ignore[untyped-decorator]  # Celery has no types.
def predict(record: dict[str, float]) -> dict[str, Any]:
    return predict_record(get_estimator(), record)


@web.post("/predict")
def wait_for_prediction() -> Response:
    return jsonify(predict.delay(request.get_json()).get())
