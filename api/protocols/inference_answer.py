"""Answers of the Open Inference Protocol: predictions as tensors, and what a model takes and gives. Pure."""

from collections.abc import Sequence
from typing import Any

import orjson

from api.protocols.inference_request import PREDICT, PREDICT_PROBA, InferenceRequest
from api.protocols.tensors import TEXTS, Tensor, to_binary, to_json
from shared.jobs import ModelRef, Prediction
from shared.manifest import ModelManifest

_DATATYPES = {"number": "FP64", "integer": "INT64", "category": TEXTS, "text": TEXTS}


def make_answer(
    asked: InferenceRequest, model: ModelRef, predictions: Sequence[Prediction], classes: Sequence[str] | None
) -> tuple[bytes, int | None]:
    """Return the body, and the length of its JSON if binary tensors stand behind it."""
    tensors: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for output in asked.outputs:
        tensor = _make_tensor(output.name, predictions, classes)
        if output.is_binary:
            description, data = to_binary(tensor)
            tensors.append(description)
            binary.append(data)
        else:
            tensors.append(to_json(tensor))
    document: dict[str, Any] = {"model_name": model.name, "model_version": model.version, "outputs": tensors}
    if asked.id is not None:
        document["id"] = asked.id
    head = orjson.dumps(document)
    return b"".join([head, *binary]), len(head) if binary else None


def _make_tensor(name: str, predictions: Sequence[Prediction], classes: Sequence[str] | None) -> Tensor:
    rows = len(predictions)
    if name == PREDICT:
        values = [prediction["prediction"] for prediction in predictions]
        return Tensor(name, (rows,), "FP64" if classes is None else TEXTS, values)
    assert classes is not None
    values = [prediction["probabilities"][label] for prediction in predictions for label in classes]
    return Tensor(name, (rows, len(classes)), "FP64", values)


def describe_model(manifest: ModelManifest, versions: Sequence[str]) -> dict[str, Any]:
    """Return the metadata of a model: a tensor for each feature, and its outputs."""
    classes = manifest.classes
    outputs = [{"name": PREDICT, "datatype": "FP64" if classes is None else TEXTS, "shape": [-1]}]
    if classes is not None:
        outputs.append({"name": PREDICT_PROBA, "datatype": "FP64", "shape": [-1, len(classes)]})
    return {
        "name": manifest.name,
        "versions": list(versions),
        "platform": "sklearn",
        "inputs": describe_inputs(manifest),
        "outputs": outputs,
    }


def describe_inputs(manifest: ModelManifest) -> list[dict[str, Any]]:
    """Return the metadata of a tensor for each feature."""
    return [
        {"name": feature.name, "datatype": _DATATYPES[feature.type], "shape": [-1]} for feature in manifest.features
    ]
