"""Tables of MLflow and SageMaker clients become records of a model, or are refused with what to send."""

from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from mlflow.utils.proto_json_utils import dump_input_data

from api.protocols.sagemaker import read_json_body, write_csv
from api.protocols.tables import Table, read_csv_table, read_json_table
from shared.errors import InputInvalid, RequestMalformed
from tests.builders import HEIGHT, SHOE_SIZE
from tests.unit.api.protocols.conftest import MIXED, refusal

FEATURES = (HEIGHT, SHOE_SIZE)
RECORDS = [{"height": 181, "shoe_size": 44}, {"height": 160, "shoe_size": 38.5}]


def json_table(document: object) -> Table:
    return read_json_table(orjson.dumps(document), FEATURES)


def csv_table(text: str | bytes, *, may_lack_header: bool = False, charset: str = "utf-8") -> Table:
    body = text.encode() if isinstance(text, str) else text
    return read_csv_table(body, charset, FEATURES, may_lack_header=may_lack_header)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        pytest.param(
            {
                "dataframe_split": {
                    "columns": ["shoe_size", "height"],
                    "data": [[44, 181], [38.5, 160]],
                    "index": [0, 1],
                }
            },
            "/dataframe_split/data",
            id="a split frame",
        ),
        pytest.param({"dataframe_records": RECORDS}, "/dataframe_records", id="records of a frame"),
        pytest.param({"instances": RECORDS}, "/instances", id="instances that are records"),
        pytest.param({"instances": [[181, 44], [160, 38.5]]}, "/instances", id="instances that are arrays"),
        pytest.param({"inputs": [[181, 44], [160, 38.5]]}, "/inputs", id="inputs that are arrays"),
        pytest.param({"inputs": {"height": [181, 160], "shoe_size": [44, 38.5]}}, "/inputs", id="inputs by column"),
        pytest.param(
            {"inputs": {"height": [[181], [160]], "shoe_size": [44, 38.5]}}, "/inputs", id="inputs by nested column"
        ),
        pytest.param({"inputs": RECORDS, "params": {}}, "/inputs", id="with parameters"),
    ],
)
def test_every_format_of_mlflow_is_read(document: object, pointer: str) -> None:
    table = json_table(document)

    assert (table.records, table.pointer) == (RECORDS, pointer)


@pytest.mark.parametrize(
    "data", [pd.DataFrame(RECORDS), np.array([[181, 44], [160, 38.5]]), RECORDS], ids=["frame", "array", "records"]
)
def test_what_the_client_of_mlflow_writes_is_read(data: Any) -> None:
    assert read_json_table(dump_input_data(data).encode(), FEATURES).records == RECORDS


def test_bare_values_are_rows_of_the_only_feature() -> None:
    assert read_json_table(b'{"instances": [181, 160]}', (HEIGHT,)).records == [{"height": 181}, {"height": 160}]


@pytest.mark.parametrize(
    ("document", "pointer", "hint"),
    [
        pytest.param({}, "", "exactly one of", id="no format"),
        pytest.param([], "", "exactly one of", id="an array"),
        pytest.param({"instances": [], "inputs": []}, "", "exactly one of", id="two formats"),
        pytest.param({"inputs": [], "parms": {}}, "/parms", "no such field", id="an unknown member"),
        pytest.param({"inputs": [], "params": []}, "/params", "an object", id="params of another kind"),
        pytest.param({"dataframe_records": {}}, "/dataframe_records", "an array", id="records that are none"),
        pytest.param({"instances": 7}, "/instances", "an array", id="instances that are none"),
        pytest.param({"instances": [[181]]}, "/instances/0", "send 2: height, shoe_size", id="too few values"),
        pytest.param({"instances": [181]}, "/instances/0", "send 2: height, shoe_size", id="a bare row"),
        pytest.param({"dataframe_split": []}, "/dataframe_split", '"columns"', id="a split frame that is none"),
        pytest.param({"dataframe_split": {"data": []}}, "/dataframe_split/columns", "names", id="no columns"),
        pytest.param(
            {"dataframe_split": {"columns": ["height", "height"], "data": []}},
            "/dataframe_split/columns",
            "same name",
            id="twin columns",
        ),
        pytest.param(
            {"dataframe_split": {"columns": ["height", "shoe_size"], "data": [[181, 44], [1]]}},
            "/dataframe_split/data/1",
            "2 values",
            id="a short row",
        ),
        pytest.param({"inputs": {"height": 181}}, "/inputs/height", "an array", id="a column that is none"),
        pytest.param(
            {"inputs": {"height": [181], "shoe_size": []}},
            "/inputs",
            "different numbers",
            id="columns of unequal length",
        ),
    ],
)
def test_json_that_is_no_table_is_refused_with_what_to_send(document: object, pointer: str, hint: str) -> None:
    found = refusal(lambda: json_table(document))

    assert found[0] == pointer
    assert hint in found[1]


@pytest.mark.parametrize("body", [b"", b"{", b'{"inputs": [[NaN, 44]]}'])
def test_a_body_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(RequestMalformed, match="line 1"):
        read_json_table(body, FEATURES)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("height,shoe_size\n181,44\n160,38.5\n", id="plain"),
        pytest.param('shoe_size,name,Height (cm)\r\n44,"a\nb",181\r\n\r\n38.5,,160', id="as people write them"),
        pytest.param(b"\xef\xbb\xbfheight,shoe_size\n181,44\n160,38.5\n", id="with a mark"),
        pytest.param(pd.DataFrame(RECORDS).to_csv(index=False), id="by pandas"),
        pytest.param(pd.DataFrame(RECORDS).to_csv(), id="by pandas, with its index"),
    ],
)
def test_a_csv_is_read_by_its_header(text: str | bytes) -> None:
    assert csv_table(text).records == RECORDS


@pytest.mark.parametrize("text", ["181,44\n160,38.5\n", "shoe_size,height\n44,181\n38.5,160\n"], ids=["rows", "header"])
def test_a_csv_that_may_lack_its_header_has_it_if_it_names_a_feature(text: str) -> None:
    assert csv_table(text, may_lack_header=True).records == RECORDS


def test_a_csv_is_read_in_the_charset_that_its_client_names() -> None:
    body = "spend,age,plan,straße\n1,2,pro,ä\n".encode("latin-1")

    table = read_csv_table(body, "Latin-1", MIXED.features, may_lack_header=False)

    assert table.records == [{"spend": 1, "age": 2, "plan": "pro"}]


@pytest.mark.parametrize(
    ("text", "pointer", "hint"),
    [
        pytest.param("", "", "empty", id="nothing"),
        pytest.param("\n\n", "", "empty", id="empty lines"),
        pytest.param("181,44\n", "/height", "no column is height", id="no header"),
        pytest.param("heigth,shoe_size\n181,44\n", "/height", "did you mean 'heigth'?", id="a misspelled header"),
        pytest.param("height,Height,shoe_size\n1,2,3\n", "/height", "several columns", id="a header twice"),
        pytest.param("height,shoe_size\n181\n", "/0", "1 cells; there are 2", id="a short row"),
        pytest.param("height,shoe_size\n181,44\n1.81,44\n", "/1/height", "looks like metres", id="another unit"),
        pytest.param("height,shoe_size\n181,\n", "/0/shoe_size", "send shoe_size", id="an empty cell"),
        pytest.param("height,shoe_size\n181,nan\n", "/0/shoe_size", "not a finite number", id="no number"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused_with_what_to_mend(text: str, pointer: str, hint: str) -> None:
    found = refusal(lambda: csv_table(text))

    assert found[0] == pointer
    assert hint in found[1]


def test_every_bad_cell_of_a_csv_is_named() -> None:
    with pytest.raises(InputInvalid) as caught:
        csv_table("height,shoe_size\n0,44\n181,0\n")

    assert [note.pointer for note in caught.value.errors] == ["/0/height", "/1/shoe_size"]


@pytest.mark.parametrize(
    ("body", "charset"),
    [(b"height\xff,shoe_size\n", "utf-8"), (b"height\n", "utf-16"), (b'"height\n', "utf-8")],
    ids=["bytes of another charset", "an unsupported charset", "a quote that is never closed"],
)
def test_bytes_that_are_no_csv_are_malformed(body: bytes, charset: str) -> None:
    with pytest.raises(RequestMalformed):
        csv_table(body, charset=charset)


@pytest.mark.parametrize(
    ("document", "records"),
    [
        pytest.param(RECORDS[0], RECORDS[:1], id="a record"),
        pytest.param(RECORDS, RECORDS, id="records"),
        pytest.param([[181, 44], [160, 38.5]], RECORDS, id="arrays"),
        pytest.param({"instances": RECORDS}, RECORDS, id="what MLflow takes"),
    ],
)
def test_sagemaker_takes_bare_records_too(document: object, records: list[Any]) -> None:
    assert read_json_body(orjson.dumps(document), FEATURES).records == records


@pytest.mark.parametrize("body", [b"7", b"null", b'{"heigth": 181}'])
def test_sagemaker_refuses_json_without_rows(body: bytes) -> None:
    assert "exactly one of" in refusal(lambda: read_json_body(body, FEATURES))[1]


def test_a_line_of_csv_is_the_prediction_and_the_probabilities_in_order() -> None:
    predictions = [{"prediction": 'a,"b', "probabilities": {"y": 1 / 3, "x": 2 / 3}}]

    assert write_csv(predictions, ("x", "y")) == f'"a,""b",{2 / 3!r},{1 / 3!r}\n'
