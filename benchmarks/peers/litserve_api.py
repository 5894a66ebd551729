"""LitServe with batches: `python -m benchmarks.peers.litserve_api PORT`, in LitServe's own environment."""

import sys
from collections.abc import Mapping
from typing import Any

import litserve  # type: ignore[import-not-found]  # It is in an environment of its own.

from benchmarks.answers import load_estimator, predict_records


class Predict(litserve.LitAPI):  # type: ignore[misc]  # See above.
    """Class and probabilities of a record."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's name
        self.estimator = load_estimator()

    def decode_request(self, request: Mapping[str, float]) -> Mapping[str, float]:
        return request

    def batch(self, inputs: list[Mapping[str, float]]) -> list[Mapping[str, float]]:
        return inputs

    def predict(self, records: list[Mapping[str, float]]) -> list[dict[str, Any]]:
        return predict_records(self.estimator, records)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    api = Predict(max_batch_size=64, batch_timeout=0.002)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=2, timeout=60)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
