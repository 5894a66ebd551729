"""How a batch lies in its record."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from shared.batches import BatchError, BatchSpec, CsvDialect, CsvLayout, Formulas, Mend, OnError
from shared.jobs import ModelRef

#: What a record does not say of a batch.
_LEFT_OUT: dict[str, Any] = {"owner": "", "retain_seconds": None, "metadata": {}, "formulas": Formulas.KEEP}


def pairs(fields: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(fields[::2], fields[1::2], strict=True))


def encode_batch_spec(spec: BatchSpec) -> bytes:
    fields = asdict(spec)
    del fields["once"], fields["rate"]
    for name, usual in _LEFT_OUT.items():
        if fields[name] == usual:
            del fields[name]
    return orjson.dumps(fields)


def decode_batch_spec(text: bytes) -> BatchSpec:
    fields = orjson.loads(text)
    layout = fields["layout"]
    return BatchSpec(
        **fields
        | {
            "model": ModelRef(**fields["model"]),
            "features": tuple(fields["features"]),
            "classes": None if fields["classes"] is None else tuple(fields["classes"]),
            "layout": CsvLayout(
                CsvDialect(**layout["dialect"]), tuple(layout["header"]), tuple(layout["feature_columns"])
            ),
            "on_error": OnError(fields["on_error"]),
            "formulas": Formulas(fields.get("formulas", Formulas.KEEP)),
        }
    )


def decode_mend(text: bytes | str) -> Mend:
    fields = orjson.loads(text)
    return Mend(
        fields["token"],
        CsvDialect(**fields["dialect"]),
        tuple(fields["own_columns"]),
        fields["row_number_column"],
        fields["columns"],
    )


def encode_batch_error(error: BatchError) -> bytes:
    return orjson.dumps(error)


def find_number(record: Mapping[bytes, bytes], name: bytes, kind: type[Any]) -> Any:
    text = record.get(name)
    return None if text is None else kind(text)
