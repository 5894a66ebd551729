"""Tables as MLflow and SageMaker clients send them, as records of a model. Pure.

What a value may be is for the model's schema to say; here it is only put under the name of its feature.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from api.csv_columns import match_columns
from api.csv_header import ENCODINGS, UTF8_MARK
from shared.errors import FieldErrorCode, FieldNote, InputInvalid, RequestMalformed, UploadErrorCode
from shared.feature_schema import CellProblem, escape_pointer, read_cell, suggest
from shared.manifest import Feature
from shared.row_errors import RowErrorCode

#: The members that hold a table, of which a body has exactly one, and the one that says how to predict.
FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
PARAMS = "params"
#: Most errors that one answer names.
_NAMED_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Table:
    """Records as the client sent them, and where they begin in its body."""

    records: list[Any]
    #: JSON pointer to the records.
    pointer: str
    #: What the client says about predicting.
    params: dict[str, Any]


def read_json_table(body: bytes, features: Sequence[Feature]) -> Table:
    """Return the table of a JSON body; raises RequestMalformed or InputInvalid."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RequestMalformed(f"The body is not JSON: {error.msg} ({where}).") from error
    names = [feature.name for feature in features]
    given = [name for name in FORMATS if name in document] if isinstance(document, dict) else []
    if len(given) != 1:
        raise _refuse("", f"send an object with exactly one of {', '.join(FORMATS)}")
    (name,) = given
    unknown = sorted(document.keys() - {name, PARAMS})
    if unknown:
        raise _refuse(f"/{escape_pointer(unknown[0][:64])}", "there is no such field", FieldErrorCode.UNKNOWN_FIELD)
    params = document.get(PARAMS)
    if not isinstance(params, dict | None):
        raise _refuse(f"/{PARAMS}", "send an object, or leave it out")
    records, pointer = _read_member(name, document[name], names)
    return Table(records, pointer, params or {})


def _read_member(name: str, value: object, features: Sequence[str]) -> tuple[list[Any], str]:
    pointer = f"/{name}"
    if name == "dataframe_split":
        return _read_split(value), f"{pointer}/data"
    if name == "inputs" and isinstance(value, dict):
        return _read_columns(value, pointer), pointer
    if not isinstance(value, list):
        raise _refuse(pointer, "send an array with one record for each row")
    if name == "dataframe_records":
        return value, pointer
    return read_rows(value, features, pointer), pointer


def read_rows(rows: Sequence[object], features: Sequence[str], pointer: str) -> list[Any]:
    """Return records for rows that are records, arrays of the features in order, or bare values of the only feature."""
    return [_read_row(row, features, f"{pointer}/{number}") for number, row in enumerate(rows)]


def _read_row(row: object, features: Sequence[str], pointer: str) -> Any:
    if isinstance(row, dict):
        return row
    values = row if isinstance(row, list) else [row]
    if len(values) != len(features):
        detail = f"{len(values)} values; send {len(features)}: {', '.join(features[:20])}"
        raise _refuse(pointer, detail, FieldErrorCode.MISSING_VALUE)
    return dict(zip(features, values, strict=True))


def _read_split(value: object) -> list[Any]:
    pointer = "/dataframe_split"
    if not isinstance(value, dict) or not isinstance(rows := value.get("data"), list):
        raise _refuse(pointer, 'send {"columns": […], "data": [[…], …]}')
    columns = value.get("columns")
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _refuse(f"{pointer}/columns", "send the names of the columns, in the order of the data")
    if len(set(columns)) != len(columns):
        raise _refuse(f"{pointer}/columns", "two columns have the same name")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise _refuse(f"{pointer}/data/{number}", f"send an array of {len(columns)} values, one for each column")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _read_columns(columns: dict[str, Any], pointer: str) -> list[Any]:
    """Return records for a column of values under each name; a column may be an array of arrays of one value."""
    plain: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if not isinstance(values, list):
            raise _refuse(f"{pointer}/{escape_pointer(name[:64])}", "send an array with one value for each row")
        plain[name] = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    if len({len(values) for values in plain.values()}) > 1:
        raise _refuse(pointer, "the columns have different numbers of rows")
    return [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]


def read_csv_table(body: bytes, charset: str, features: Sequence[Feature], *, may_lack_header: bool) -> Table:
    """Return the table of a CSV with commas; raises RequestMalformed or InputInvalid.

    may_lack_header: a first line that names no feature is a row, with the features in their order.
    """
    lines = _read_lines(body, charset)
    if not lines:
        raise _refuse("", "the file is empty; send a CSV with rows", UploadErrorCode.EMPTY_FILE)
    matches = match_columns(lines[0], features, {})
    if may_lack_header and not matches.columns:
        indices, width, rows = list(range(len(features))), len(features), lines
    else:
        indices, width, rows = _find_columns(lines[0], features), len(lines[0]), lines[1:]
    errors: list[FieldNote] = []
    records = [_read_cells(row, features, indices, width, f"/{number}", errors) for number, row in enumerate(rows)]
    if errors:
        raise InputInvalid(errors[:_NAMED_ERRORS])
    return Table(records, "", {})


def _read_lines(body: bytes, charset: str) -> list[list[str]]:
    if charset.lower() not in ENCODINGS:
        raise RequestMalformed(f"The charset of a CSV is one of {', '.join(ENCODINGS)}; UTF-8 if none is named.")
    try:
        text = body.removeprefix(UTF8_MARK).decode(charset)
        return [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except UnicodeDecodeError as error:
        raise RequestMalformed(f"The body is no {charset}; name its charset in Content-Type.") from error
    except csv.Error as error:
        raise RequestMalformed(f"The body is no CSV with commas: {error}.") from error


def _find_columns(header: Sequence[str], features: Sequence[Feature]) -> list[int]:
    """Return where each feature is; raises InputInvalid."""
    columns = match_columns(header, features, {}).columns
    errors = []
    for feature in features:
        pointer = f"/{escape_pointer(feature.name)}"
        indices = columns.get(feature.name, ())
        if not indices:
            detail = f"no column is {feature.name}{suggest(feature.name, {name[:64] for name in header[:100]})}"
            errors.append(FieldNote(pointer, UploadErrorCode.MISSING_COLUMN, detail))
        elif len(indices) > 1:
            detail = f"several columns could be {feature.name}; leave it once"
            errors.append(FieldNote(pointer, UploadErrorCode.AMBIGUOUS_COLUMN, detail))
    if errors:
        raise InputInvalid(errors[:_NAMED_ERRORS])
    return [columns[feature.name][0] for feature in features]


def _read_cells(
    row: Sequence[str],
    features: Sequence[Feature],
    indices: Sequence[int],
    width: int,
    pointer: str,
    errors: list[FieldNote],
) -> dict[str, float | str]:
    """Return the record of a row; what is wrong with it is added to `errors`."""
    record: dict[str, float | str] = {}
    if len(row) != width:
        errors.append(
            FieldNote(pointer, RowErrorCode.WRONG_COLUMN_COUNT, f"{len(row)} cells; there are {width} columns")
        )
        return record
    for feature, index in zip(features, indices, strict=True):
        value = read_cell(feature, row[index])
        if isinstance(value, CellProblem):
            errors.append(FieldNote(f"{pointer}/{escape_pointer(feature.name)}", value.code, value.detail))
        else:
            record[feature.name] = value
    return record


def _refuse(pointer: str, detail: str, code: str = FieldErrorCode.WRONG_TYPE) -> InputInvalid:
    return InputInvalid([FieldNote(pointer, code, detail)])
