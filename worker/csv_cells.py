"""Read the features' columns of a block of records with pyarrow: a whole column at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from shared.batches import CsvLayout
from shared.manifest import Feature, ModelManifest
from worker.csv_records import Records

_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
#: For each byte: it occurs in no number.
_IS_STRANGE = np.ones(256, np.bool_)
_IS_STRANGE[list(b"0123456789+-.eE")] = False
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What pyarrow is given for a byte that is not ASCII, where no feature is text.
_ONLY_ASCII = bytes(range(128)) + b"?" * 128


@dataclass(slots=True, eq=False)
class Cells:
    """The values of a block: one array per feature, one element per record."""

    #: float64 for numbers, str objects for text and categories.
    columns: list[NDArray[Any]]
    #: Records whose values can be predicted. The others need a closer look; their values mean nothing.
    is_good: NDArray[np.bool_]


class CellReader:
    """Reads the cells of the features; a record that it calls good is good, and the others may be."""

    def __init__(self, manifest: ModelManifest, layout: CsvLayout) -> None:
        self._features = manifest.features
        self._encoding = layout.dialect.encoding
        self._is_numeric = all(feature.is_numeric for feature in manifest.features)
        names = [str(index) for index in range(len(layout.header))]
        self._names = [names[column] for column in layout.feature_columns]
        self._column_names = names
        self._delimiter = layout.dialect.delimiter
        types = [pa.string() if feature.is_numeric else pa.binary() for feature in manifest.features]
        self._convert = csv.ConvertOptions(
            include_columns=self._names,
            column_types=dict(zip(self._names, types, strict=True)),
            check_utf8=False,
            null_values=[],
            strings_can_be_null=False,
        )
        self._categories = {
            feature.name: _encode_categories(feature, self._encoding)
            for feature in manifest.features
            if feature.type == "category"
        }

    def read(self, block: bytes, records: Records) -> Cells:
        """Read every record of the block.

        block: one record or more, and nothing between them; `without_empty_lines` makes it so.
        """
        first, last = _trusted(block, records)
        columns: list[NDArray[Any]] = [_empty_column(feature, len(records)) for feature in self._features]
        is_good = np.zeros(len(records), np.bool_)
        if first == last:
            return Cells(columns, is_good)
        read = self._read_table(block[records.starts[first] : records.next_starts[last - 1]], last - first)
        if read is None:
            return Cells(columns, is_good)
        table, is_regular = read
        rows = first + np.flatnonzero(is_regular)
        is_good[rows] = True
        for index, feature in enumerate(self._features):
            values, is_valid = self._read_column(feature, table.column(index).combine_chunks())
            columns[index][rows] = values
            is_good[rows] &= is_valid
        return Cells(columns, is_good)

    def _read_table(self, content: bytes, expected: int) -> tuple[Any, NDArray[np.bool_]] | None:
        """Return the table of the records that have as many cells as the header, and which those are.

        None when there are none, or when pyarrow does not see the records that we see.
        """
        skipped: list[int] = []

        def skip(row: Any) -> str:
            skipped.append(row.number - 1)
            return "skip"

        # pyarrow decodes the text of a ragged record to show it, and prints an error when it cannot.
        is_utf8 = _is_utf8(content)
        if not is_utf8 and self._is_numeric:
            content, is_utf8 = content.translate(_ONLY_ASCII), True
        parse = csv.ParseOptions(
            delimiter=self._delimiter, newlines_in_values=b'"' in content, invalid_row_handler=skip if is_utf8 else None
        )
        read = csv.ReadOptions(use_threads=False, block_size=len(content) + 1, column_names=self._column_names)
        try:
            table = csv.read_csv(
                pa.BufferReader(content), read_options=read, parse_options=parse, convert_options=self._convert
            )
        except pa.ArrowInvalid:
            return None
        if not table.num_rows or table.num_rows + len(skipped) != expected:
            return None
        is_regular = np.ones(expected, np.bool_)
        is_regular[skipped] = False
        return table, is_regular

    def _read_column(self, feature: Feature, column: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        if feature.is_numeric:
            values = _read_numbers(column)
            return values, _find_valid_numbers(feature, values)
        if feature.type == "category":
            raw, texts = self._categories[feature.name]
            found = pc.index_in(column, raw).fill_null(len(texts) - 1)
            indices = np.frombuffer(found.buffers()[1], np.int32, len(found), found.offset * 4)
            return texts[indices], indices < len(texts) - 1
        texts = np.array([_find_text(cell, self._encoding) for cell in column.to_pylist()], object)
        is_valid = [
            text is not None and bool(text.strip(" \t")) and len(text) <= feature.maximum_length for text in texts
        ]
        return texts, np.array(is_valid, np.bool_)


def _trusted(block: bytes, records: Records) -> tuple[int, int]:
    """Return the range of records that pyarrow reads as we do."""
    first = 1 if block.startswith(_BYTE_ORDER_MARK) else 0
    return first, max(first, len(records) - records.is_unclosed)


def _is_utf8(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _empty_column(feature: Feature, rows: int) -> NDArray[Any]:
    return np.full(rows, np.nan) if feature.is_numeric else np.full(rows, "", object)


def _encode_categories(feature: Feature, encoding: str) -> tuple[Any, NDArray[Any]]:
    """Return the categories as bytes of the file and, in the same order and followed by "", as text."""
    pairs: dict[bytes, str] = {}
    for category in feature.categories:
        try:
            pairs[category.encode(encoding)] = category
        except UnicodeEncodeError:
            continue
    known = {raw: text for raw, text in pairs.items() if text.strip(" \t")}
    return pa.array(list(known), pa.binary()), np.array([*known.values(), ""], object)


def _find_text(cell: bytes, encoding: str) -> str | None:
    try:
        return cell.decode(encoding)
    except UnicodeDecodeError:
        return None


def _read_numbers(column: Any) -> NDArray[np.float64]:
    """Return the cells as numbers, NaN for what is none."""
    data = column.buffers()[2].to_pybytes()
    if b" " in data or b"\t" in data:
        column = pc.ascii_trim(column, " \t")
    try:
        return _numbers_of(pc.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        return _cast_where_possible(column)


def _cast_where_possible(column: Any) -> NDArray[np.float64]:
    """Tell the cells that are no numbers by their bytes; where that is not enough, by a pattern, which is slower."""
    _, offset_buffer, data = column.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32, len(column) + 1, column.offset * 4)
    codes = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    strange = np.flatnonzero(_IS_STRANGE[codes]) + offsets[0]
    is_number = np.diff(offsets) > 0
    is_number[np.searchsorted(offsets, strange, side="right") - 1] = False
    bits = pa.py_buffer(np.packbits(is_number, bitorder="little"))
    # A null costs nothing to cast.
    known = pa.Array.from_buffers(pa.string(), len(column), [bits, pa.py_buffer(offsets), data])
    try:
        return np.where(is_number, _numbers_of(pc.cast(known, pa.float64())), np.nan)
    except pa.ArrowInvalid:
        is_match = pc.match_substring_regex(column, _NUMBER)
        return _numbers_of(pc.cast(pc.if_else(is_match, column, "nan"), pa.float64()))


def _numbers_of(column: Any) -> NDArray[np.float64]:
    return np.frombuffer(column.buffers()[1], np.float64, len(column), column.offset * 8)


def _find_valid_numbers(feature: Feature, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    is_valid = np.isfinite(values)
    if feature.minimum is not None:
        is_valid &= values >= feature.minimum
    if feature.maximum is not None:
        is_valid &= values <= feature.maximum
    if feature.type == "integer":
        is_valid &= values == np.floor(values)
    return is_valid
