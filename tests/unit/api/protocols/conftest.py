"""Requests as clients of other protocols make them, and the models that they are for."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from api.protocols.inference_request import InferenceRequest, read_request
from shared.errors import InputInvalid
from shared.manifest import Feature, ModelManifest
from tests.builders import manifest

#: A model of a number, a whole number and a category.
MIXED = manifest(
    name="churn",
    features=(
        Feature(name="spend", example=19.9),
        Feature(name="age", type="integer", example=42),
        Feature(name="plan", type="category", categories=("basic", "pro"), example="pro"),
    ),
)


def tensor(name: str = "x", shape: Sequence[int] = (1, 2), datatype: str = "FP64", **members: Any) -> dict[str, Any]:
    return {"name": name, "shape": list(shape), "datatype": datatype, **members}


def infer_body(*inputs: dict[str, Any], **members: Any) -> bytes:
    return orjson.dumps({"inputs": list(inputs), **members})


def read(
    body: bytes, header_length: int | None = None, model: ModelManifest | None = None, max_rows: int = 1_000
) -> InferenceRequest:
    """Read a body for a model of height and shoe size, or the one given."""
    length = None if header_length is None else str(header_length)
    return read_request(body, length, model or manifest(), max_rows=max_rows)


def refusal(act: Callable[[], object]) -> tuple[str, str]:
    """Return where the input is wrong, and what is said of it."""
    with pytest.raises(InputInvalid) as caught:
        act()
    return caught.value.errors[0].pointer, caught.value.errors[0].detail
