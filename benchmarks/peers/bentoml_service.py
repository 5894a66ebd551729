"""BentoML with adaptive batches and two workers: `bentoml serve benchmarks.peers.bentoml_service:Predict`."""

from typing import Any

import bentoml  # type: ignore[import-not-found]  # It is in an environment of its own.

from benchmarks.answers import load_estimator, predict_records


@bentoml.service(workers=2, traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Predict:
    """Class and probabilities of each record; the server joins the lists of several requests."""

    def __init__(self) -> None:
        self.estimator = load_estimator()

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=60_000)  # type: ignore[untyped-decorator]  # See above.
    def predict(self, records: list[dict[str, float]]) -> list[dict[str, Any]]:
        return predict_records(self.estimator, records)
