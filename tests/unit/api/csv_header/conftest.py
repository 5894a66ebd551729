"""The beginning of a file, read for a model of two features."""

from typing import Any

import pytest

from api.csv_header import CsvOptions, read_layout
from shared.batches import CsvLayout
from shared.errors import FieldNote, InputInvalid
from shared.manifest import Feature
from tests.builders import HEIGHT, SHOE_SIZE

FEATURES = (HEIGHT, SHOE_SIZE)
UTF8_MARK = b"\xef\xbb\xbf"


def layout(
    head: bytes, *, features: tuple[Feature, ...] = FEATURES, is_whole: bool = True, **options: Any
) -> CsvLayout:
    return read_layout(head, features, CsvOptions(**options), is_whole=is_whole)


def refusal(head: bytes, *, is_whole: bool = True, **options: Any) -> list[FieldNote]:
    with pytest.raises(InputInvalid) as refused:
        layout(head, is_whole=is_whole, **options)
    return list(refused.value.errors)
