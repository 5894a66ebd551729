"""Tensors of the Open Inference Protocol: values from and to JSON and little-endian bytes. Pure, and without numpy."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import FieldErrorCode, FieldNote, InputInvalid
from shared.feature_schema import SHOWN_CHARACTERS

#: Datatype → code of `struct`, for those whose elements all have one size.
NUMBERS = {
    "FP32": "f",
    "FP64": "d",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
}
#: Texts, each with its length before it when they are binary.
TEXTS = "BYTES"
_LENGTH = struct.Struct("<I")
_ADVICE = {
    "BOOL": "; true and false are no numbers, so send 0 and 1 as UINT8 if the feature is a number",
    "FP16": "; send FP32",
    "BF16": "; send FP32",
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its values in row-major order, texts decoded."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    values: Sequence[float | str]


def refuse(pointer: str, detail: str, code: FieldErrorCode = FieldErrorCode.WRONG_TYPE) -> InputInvalid:
    """Return the error of a request that can be read and does not fit; raise it."""
    return InputInvalid([FieldNote(pointer, code, detail)])


def require_datatype(datatype: object, pointer: str) -> str:
    """Return a datatype that can be read; raises InputInvalid."""
    if isinstance(datatype, str) and (datatype in NUMBERS or datatype == TEXTS):
        return datatype
    shown = repr(datatype[:SHOWN_CHARACTERS]) if isinstance(datatype, str) else "this"
    advice = _ADVICE.get(datatype, "") if isinstance(datatype, str) else ""
    raise refuse(pointer, f"{shown} is none of the datatypes that are taken: {', '.join(NUMBERS)}, {TEXTS}{advice}")


def require_shape(shape: object, pointer: str) -> tuple[int, ...]:
    """Return a shape of one or two dimensions; raises InputInvalid."""
    if (
        isinstance(shape, list)
        and 1 <= len(shape) <= 2
        and all(type(size) is int and 0 <= size < 1 << 31 for size in shape)
    ):
        return tuple(shape)
    raise refuse(pointer, "send [rows] or [rows, columns], as whole numbers")


def read_binary(name: str, shape: tuple[int, ...], datatype: str, data: bytes, pointer: str) -> Tensor:
    """Return the tensor that these bytes hold, in the byte order of the protocol; raises InputInvalid."""
    if datatype == TEXTS:
        values: Sequence[float | str] = _read_texts(data, pointer)
        if len(values) != math.prod(shape):
            raise refuse(pointer, f"{name!r} has {len(values)} texts, and its shape {list(shape)} has not")
    else:
        code = NUMBERS[datatype]
        size = math.prod(shape) * struct.calcsize(f"<{code}")
        if len(data) != size:
            raise refuse(pointer, f"{name!r} has {len(data)} bytes; {datatype} {list(shape)} has {size}")
        values = struct.unpack(f"<{math.prod(shape)}{code}", data)
    return Tensor(name, shape, datatype, values)


def _read_texts(data: bytes, pointer: str) -> list[str]:
    texts = []
    start = 0
    while start < len(data):
        if start + 4 > len(data):
            raise refuse(pointer, "the bytes end within the length of a text; each text has its length before it")
        (length,) = _LENGTH.unpack_from(data, start)
        start += 4
        if start + length > len(data):
            raise refuse(pointer, f"the bytes end within a text of {length} bytes; each has its length before it")
        try:
            texts.append(data[start : start + length].decode())
        except UnicodeDecodeError as error:
            raise refuse(pointer, f"text {len(texts)} is no UTF-8; encode it so", FieldErrorCode.NOT_TEXT) from error
        start += length
    return texts


def read_json(name: str, shape: tuple[int, ...], datatype: str, data: object, pointer: str) -> Tensor:
    """Return the tensor that this JSON holds, nested or flat; raises InputInvalid."""
    values = _flatten(name, shape, data, pointer)
    for number, value in enumerate(values):
        if not _is_of(datatype, value):
            detail = f"value {number} of {name!r} is no {datatype}{_explain(datatype, value)}"
            code = FieldErrorCode.NOT_TEXT if datatype == TEXTS else FieldErrorCode.NOT_A_NUMBER
            raise refuse(pointer, detail, code)
    return Tensor(name, shape, datatype, values)


def _flatten(name: str, shape: tuple[int, ...], data: object, pointer: str) -> list[Any]:
    if not isinstance(data, list):
        raise refuse(pointer, f"the data of {name!r} is an array, in the shape {list(shape)} or flat")
    if not any(isinstance(value, list) for value in data):
        if len(data) == math.prod(shape):
            return data
        raise refuse(pointer, f"{name!r} has {len(data)} values; its shape {list(shape)} has {math.prod(shape)}")
    if len(shape) == 2 and len(data) == shape[0] and all(_is_row(row, shape[1]) for row in data):
        return [value for row in data for value in row]
    raise refuse(pointer, f"the data of {name!r} is nested otherwise than its shape {list(shape)}")


def _is_row(row: object, columns: int) -> bool:
    return isinstance(row, list) and len(row) == columns


def _is_of(datatype: str, value: object) -> bool:
    if datatype == TEXTS:
        return isinstance(value, str)
    # A boolean is an int in Python, and never a number here.
    if NUMBERS[datatype] in "fd":
        return type(value) is float or type(value) is int
    return type(value) is int and _fits(datatype, value)


def _fits(datatype: str, value: int) -> bool:
    bits = int(datatype.lstrip("UINT"))
    return 0 <= value < 1 << bits if datatype.startswith("U") else -(1 << bits - 1) <= value < 1 << bits - 1


def _explain(datatype: str, value: object) -> str:
    if datatype != TEXTS and type(value) is float:
        return "; send FP64 for numbers with a fraction"
    if datatype != TEXTS and isinstance(value, str):
        return "; send numbers without quotes, and texts as BYTES"
    return ""


def to_json(tensor: Tensor) -> dict[str, Any]:
    """Return the tensor with its values as flat JSON."""
    return {**_describe(tensor), "data": list(tensor.values)}


def to_binary(tensor: Tensor) -> tuple[dict[str, Any], bytes]:
    """Return the tensor without its values, and these as bytes."""
    if tensor.datatype == TEXTS:
        encoded = [str(value).encode() for value in tensor.values]
        data = b"".join(_LENGTH.pack(len(text)) + text for text in encoded)
    else:
        data = struct.pack(f"<{len(tensor.values)}{NUMBERS[tensor.datatype]}", *tensor.values)
    return {**_describe(tensor), "parameters": {"binary_data_size": len(data)}}, data


def _describe(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": list(tensor.shape), "datatype": tensor.datatype}
