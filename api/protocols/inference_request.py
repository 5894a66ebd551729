"""A request of the Open Inference Protocol: JSON, and binary tensors behind it, as records of a model. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from api.protocols.tensors import Tensor, read_binary, read_json, refuse, require_datatype, require_shape
from shared.errors import FieldErrorCode, RequestMalformed
from shared.feature_schema import suggest
from shared.manifest import ModelManifest

#: Where the JSON ends and the binary tensors begin.
LENGTH_HEADER = "Inference-Header-Content-Length"
#: The outputs that there are; a model without classes has the first one only.
PREDICT, PREDICT_PROBA = "predict", "predict_proba"
_LENGTH = re.compile("[0-9]{1,18}")
#: Longest name of a tensor; no feature has a longer one.
_NAME_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class WantedOutput:
    """An output that the client wants, and how."""

    name: str
    is_binary: bool


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What a client asks for."""

    #: Echoed; None when the client gave none.
    id: str | None
    #: One for each row: feature → value.
    records: list[dict[str, float | str]]
    outputs: list[WantedOutput]
    #: How long the client is ready to wait, if it says so.
    timeout_seconds: float | None


@dataclass(slots=True)
class _Reader:
    """The binary tensors behind the JSON, read one after the other."""

    data: memoryview
    at: int = field(default=0)

    def take(self, size: int, pointer: str) -> bytes:
        if self.at + size > len(self.data):
            rest = len(self.data) - self.at
            raise refuse(pointer, f"binary_data_size is {size}, and {rest} bytes are left behind the JSON")
        self.at += size
        return bytes(self.data[self.at - size : self.at])


def read_request(body: bytes, header_length: str | None, manifest: ModelManifest, *, max_rows: int) -> InferenceRequest:
    """Return what a body asks for; raises RequestMalformed or InputInvalid.

    header_length: value of LENGTH_HEADER; None when the whole body is JSON. Values are checked against their
    datatypes only; whether they fit the model is for its schema to say.
    """
    document, binary = _split(body, header_length)
    parameters = _require_object(document.get("parameters"), "/parameters")
    request_id = document.get("id")
    if not isinstance(request_id, str | None):
        raise refuse("/id", "send a string, or leave it out")
    tensors = _read_tensors(document.get("inputs"), binary, max_rows=max_rows)
    return InferenceRequest(
        request_id,
        make_records(tensors, [feature.name for feature in manifest.features]),
        _read_outputs(document.get("outputs"), manifest, is_binary=parameters.get("binary_data_output") is True),
        _read_timeout(parameters.get("timeout")),
    )


def _split(body: bytes, header_length: str | None) -> tuple[dict[str, Any], memoryview]:
    length = len(body)
    if header_length is not None:
        if not _LENGTH.fullmatch(header_length) or int(header_length) > length:
            raise RequestMalformed(f"{LENGTH_HEADER} is the length of the JSON in bytes, at most that of the body.")
        length = int(header_length)
    try:
        document = orjson.loads(body[:length])
    except orjson.JSONDecodeError as error:
        hint = "" if header_length else f" Binary tensors need the header {LENGTH_HEADER}."
        raise RequestMalformed(f"The body is not JSON: {error.msg} (line {error.lineno}).{hint}") from error
    if not isinstance(document, dict):
        raise refuse("", 'send an object such as {"inputs": […]}')
    return document, memoryview(body)[length:]


def _require_object(value: object, pointer: str) -> Mapping[str, Any]:
    if isinstance(value, dict | None):
        return value or {}
    raise refuse(pointer, "send an object, or leave it out")


def _read_tensors(inputs: object, binary: memoryview, *, max_rows: int) -> list[Tensor]:
    if not isinstance(inputs, list) or not inputs:
        raise refuse("/inputs", "send one tensor of [rows, features], or one of [rows] for each feature")
    reader = _Reader(binary)
    tensors = [_read_tensor(one, reader, f"/inputs/{number}", max_rows) for number, one in enumerate(inputs)]
    if reader.at != len(binary):
        raise refuse("/inputs", f"{len(binary) - reader.at} bytes behind the JSON belong to no tensor")
    return tensors


def _read_tensor(one: object, reader: _Reader, pointer: str, max_rows: int) -> Tensor:
    if not isinstance(one, dict) or not isinstance(name := one.get("name"), str) or len(name) > _NAME_CHARACTERS:
        detail = f"a tensor is an object with name (at most {_NAME_CHARACTERS} characters), shape, datatype and data"
        raise refuse(pointer, detail)
    shape = require_shape(one.get("shape"), f"{pointer}/shape")
    datatype = require_datatype(one.get("datatype"), f"{pointer}/datatype")
    # Before anything is unpacked: rows of a byte each would be many more than a job may have.
    _require_row_count(shape[0], f"{pointer}/shape", max_rows)
    parameters = _require_object(one.get("parameters"), f"{pointer}/parameters")
    if "shared_memory_region" in parameters:
        raise refuse(f"{pointer}/parameters", "shared memory is not supported; send the data in the request")
    size = parameters.get("binary_data_size")
    if size is None:
        return read_json(name, shape, datatype, one.get("data"), f"{pointer}/data")
    if type(size) is not int or size < 0 or "data" in one:
        raise refuse(f"{pointer}/parameters", "binary_data_size is a number of bytes, and comes without data")
    return read_binary(name, shape, datatype, reader.take(size, pointer), pointer)


def _require_row_count(rows: int, pointer: str, max_rows: int) -> None:
    if not 1 <= rows <= max_rows:
        detail = f"send 1 to {max_rows} rows in one request, not {rows}; split a larger input"
        raise refuse(pointer, detail, FieldErrorCode.ROW_COUNT)


def make_records(tensors: Sequence[Tensor], features: Sequence[str]) -> list[dict[str, float | str]]:
    """Return one record for each row: of a table with the features as its columns, or of a tensor for each feature."""
    if len(tensors) == 1 and _is_table(tensors[0], len(features)):
        values, width = tensors[0].values, len(features)
        return [
            dict(zip(features, values[start : start + width], strict=True)) for start in range(0, len(values), width)
        ]
    columns = _read_columns(tensors, features)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _is_table(tensor: Tensor, features: int) -> bool:
    """Say whether a tensor that is alone has a column for each feature."""
    return math.prod(tensor.shape[1:]) == features


def _read_columns(tensors: Sequence[Tensor], features: Sequence[str]) -> dict[str, Sequence[float | str]]:
    columns: dict[str, Sequence[float | str]] = {}
    ways = f"send one tensor of [rows, {len(features)}] ({', '.join(features[:20])}), or one of [rows] for each feature"
    for number, tensor in enumerate(tensors):
        pointer = f"/inputs/{number}"
        if tensor.name not in features:
            detail = f"the model has no feature {tensor.name!r}{suggest(tensor.name, set(features))}; {ways}"
            raise refuse(f"{pointer}/name", detail, FieldErrorCode.UNKNOWN_FIELD)
        if math.prod(tensor.shape[1:]) != 1:
            raise refuse(f"{pointer}/shape", f"{tensor.name!r} has the shape {list(tensor.shape)}; {ways}")
        if tensor.name in columns:
            raise refuse(f"{pointer}/name", f"there are two tensors {tensor.name!r}")
        if tensor.shape[0] != tensors[0].shape[0]:
            rows = f"{tensor.shape[0]} rows, {tensors[0].name!r} has {tensors[0].shape[0]}"
            raise refuse(f"{pointer}/shape", f"{tensor.name!r} has {rows}; all have the same number")
        columns[tensor.name] = tensor.values
    missing = [name for name in features if name not in columns]
    if missing:
        detail = f"there is no tensor for {', '.join(missing[:20])}; {ways}"
        raise refuse("/inputs", detail, FieldErrorCode.MISSING_VALUE)
    return columns


def _read_outputs(outputs: object, manifest: ModelManifest, *, is_binary: bool) -> list[WantedOutput]:
    known = [PREDICT] if manifest.classes is None else [PREDICT, PREDICT_PROBA]
    if not outputs:
        return [WantedOutput(name, is_binary) for name in known]
    if not isinstance(outputs, list):
        raise refuse("/outputs", "send an array of objects with a name, or leave it out")
    return [_read_output(one, known, f"/outputs/{number}", is_binary) for number, one in enumerate(outputs)]


def _read_output(one: object, known: Sequence[str], pointer: str, is_binary: bool) -> WantedOutput:
    if not isinstance(one, dict) or one.get("name") not in known:
        raise refuse(f"{pointer}/name", f"the outputs of this model are {' and '.join(known)}")
    parameters = _require_object(one.get("parameters"), f"{pointer}/parameters")
    if parameters.get("classification"):
        detail = f"the classification extension is not supported; read the probabilities from {PREDICT_PROBA}"
        raise refuse(f"{pointer}/parameters", detail)
    return WantedOutput(one["name"], parameters.get("binary_data", is_binary) is True)


def _read_timeout(microseconds: object) -> float | None:
    if microseconds is None:
        return None
    if type(microseconds) is not int or microseconds <= 0:
        raise refuse("/parameters/timeout", "send whole microseconds, or leave it out")
    return microseconds / 1e6
