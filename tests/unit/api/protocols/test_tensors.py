"""Tensors from and to bytes and JSON, beside what numpy and Triton's client make of the same."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, serialize_byte_tensor, triton_to_np_dtype

from api.protocols.tensors import (
    NUMBERS,
    TEXTS,
    Tensor,
    read_binary,
    read_json,
    require_datatype,
    require_shape,
    to_binary,
    to_json,
)
from tests.unit.api.protocols.conftest import refusal

TEXT_LISTS = st.lists(st.text(), max_size=20)


@pytest.mark.parametrize("datatype", NUMBERS)
@settings(deadline=None)
@given(data=st.data())
def test_numbers_are_read_from_bytes_and_written_as_numpy_does(datatype: str, data: st.DataObject) -> None:
    size = np.dtype(triton_to_np_dtype(datatype)).itemsize
    rows = data.draw(st.integers(0, 20))
    raw = data.draw(st.binary(min_size=rows * size, max_size=rows * size))
    expected = np.frombuffer(raw, dtype=np.dtype(triton_to_np_dtype(datatype)).newbyteorder("<"))

    tensor = read_binary("x", (rows,), datatype, raw, "/inputs/0")

    np.testing.assert_array_equal(np.array(tensor.values, dtype=expected.dtype), expected)


@pytest.mark.parametrize("datatype", NUMBERS)
@settings(deadline=None)
@given(data=st.data())
def test_numbers_that_were_written_are_read_again(datatype: str, data: st.DataObject) -> None:
    kind = np.dtype(triton_to_np_dtype(datatype)).kind
    numbers = st.floats(width=32, allow_nan=False) if kind == "f" else st.integers(0, 127)
    values = data.draw(st.lists(numbers, max_size=20))

    description, raw = to_binary(Tensor("x", (len(values),), datatype, values))

    assert description["parameters"] == {"binary_data_size": len(raw)}
    assert list(read_binary("x", (len(values),), datatype, raw, "").values) == values


@settings(deadline=None)
@given(texts=TEXT_LISTS)
def test_texts_are_read_as_tritons_client_writes_them(texts: list[str]) -> None:
    raw = serialize_byte_tensor(np.array(texts, dtype=np.object_)).item() if texts else b""

    assert read_binary("x", (len(texts),), TEXTS, raw, "").values == texts


@settings(deadline=None)
@given(texts=TEXT_LISTS)
def test_texts_are_written_as_tritons_client_reads_them(texts: list[str]) -> None:
    _, raw = to_binary(Tensor("x", (len(texts),), TEXTS, texts))

    assert [text.decode() for text in deserialize_bytes_tensor(raw)] == texts


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        pytest.param((2, 2), [[1, 2], [3, 4]], id="nested"),
        pytest.param((2, 2), [1, 2, 3, 4], id="flat"),
        pytest.param((4,), [1, 2, 3, 4], id="one dimension"),
        pytest.param((4, 1), [[1], [2], [3], [4]], id="a nested column"),
    ],
)
def test_json_is_read_nested_or_flat(shape: tuple[int, ...], data: list[Any]) -> None:
    assert read_json("x", shape, "FP64", data, "/data").values == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("shape", "datatype", "data", "hint"),
    [
        pytest.param((2, 2), "FP64", [[1, 2, 3], [4]], "nested otherwise", id="nested otherwise than the shape"),
        pytest.param((2, 2), "FP64", [[1, 2], 3], "nested otherwise", id="half nested"),
        pytest.param((2,), "FP64", [[1], [2]], "nested otherwise", id="nested deeper than the shape"),
        pytest.param((2, 2), "FP64", [1, 2, 3], "has 3 values", id="too few values"),
        pytest.param((2,), "FP64", {"0": 1}, "is an array", id="an object"),
        pytest.param((1,), "FP64", [True], "is no FP64", id="a boolean"),
        pytest.param((1,), "FP64", [None], "is no FP64", id="null"),
        pytest.param((1,), "FP64", ["1"], "numbers without quotes", id="a number in quotes"),
        pytest.param((1,), "INT64", [1.5], "send FP64", id="a fraction"),
        pytest.param((1,), "INT8", [128], "is no INT8", id="a number above a signed range"),
        pytest.param((1,), "INT8", [-129], "is no INT8", id="a number below a signed range"),
        pytest.param((1,), "UINT8", [256], "is no UINT8", id="a number above an unsigned range"),
        pytest.param((1,), "UINT64", [-1], "is no UINT64", id="a negative number without sign"),
        pytest.param((1,), "BYTES", [1], "is no BYTES", id="a number among texts"),
    ],
)
def test_json_that_is_no_such_tensor_is_refused_with_what_it_is(
    shape: tuple[int, ...], datatype: str, data: object, hint: str
) -> None:
    pointer, detail = refusal(lambda: read_json("x", shape, datatype, data, "/inputs/0/data"))

    assert pointer == "/inputs/0/data"
    assert hint in detail


@pytest.mark.parametrize("value", [127, -128])
def test_the_ends_of_a_range_are_within_it(value: int) -> None:
    assert read_json("x", (1,), "INT8", [value], "").values == [value]


@pytest.mark.parametrize(
    ("datatype", "raw", "hint"),
    [
        pytest.param("FP64", b"\0" * 15, "15 bytes; FP64 [2] has 16", id="too few bytes of numbers"),
        pytest.param("FP32", b"\0" * 9, "9 bytes; FP32 [2] has 8", id="too many bytes of numbers"),
        pytest.param("BYTES", b"\1\0", "within the length", id="a length cut off"),
        pytest.param("BYTES", b"\2\0\0\0a", "within a text", id="a text cut off"),
        pytest.param("BYTES", b"\1\0\0\0a", "has 1 texts", id="fewer texts than the shape"),
        pytest.param("BYTES", b"\1\0\0\0\xff", "UTF-8", id="bytes that are no text"),
    ],
)
def test_bytes_that_do_not_fit_are_refused_with_what_fits(datatype: str, raw: bytes, hint: str) -> None:
    _, detail = refusal(lambda: read_binary("x", (2,), datatype, raw, "/inputs/0"))

    assert hint in detail


@pytest.mark.parametrize(
    ("datatype", "hint"),
    [("BOOL", "UINT8"), ("FP16", "send FP32"), ("float64", "FP64"), (7, "this is none")],
    ids=["a boolean", "a half", "another spelling", "a number"],
)
def test_another_datatype_is_refused_with_one_to_send(datatype: object, hint: str) -> None:
    assert hint in refusal(lambda: require_datatype(datatype, "/datatype"))[1]


@pytest.mark.parametrize("shape", [[], [1, 2, 3], [-1], [True], [1.0], "2", None, [1 << 31]])
def test_a_shape_of_another_kind_is_refused(shape: object) -> None:
    assert "[rows, columns]" in refusal(lambda: require_shape(shape, "/shape"))[1]


def test_json_has_its_values_flat() -> None:
    written = to_json(Tensor("predict_proba", (1, 2), "FP64", [0.25, 0.75]))

    assert written == {"name": "predict_proba", "shape": [1, 2], "datatype": "FP64", "data": [0.25, 0.75]}
