"""How a batch lies in its record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from shared.batches import (
    BatchError,
    BatchSpec,
    BatchStatus,
    CsvDialect,
    CsvLayout,
    Formulas,
    Mend,
    OnError,
    Part,
    ReplacedPart,
)
from shared.job_records import LONGEST_SECONDS, find_delivery, read_seconds
from shared.jobs import ModelRef
from shared.unreadable import readable

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
    # Whoever works with these would find out too late, among the batches of others.
    if not (type(fields["id"]) is str and 0 <= fields["deadline_seconds"] <= LONGEST_SECONDS):
        raise ValueError("id or deadline_seconds")
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


def decode_batch(record: Mapping[bytes, bytes], codes: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the members of a `Batch` that its record holds; raises one of MISSHAPEN."""
    error = record.get(b"error")
    return {
        "spec": decode_batch_spec(record[b"spec"]),
        "status": BatchStatus(record[b"status"].decode()),
        "created_at": read_seconds(record[b"created"]),
        "rows_done": int(record[b"rows_done"]),
        "rows_failed": int(record[b"rows_failed"]),
        "chunks_done": int(record[b"chunks_done"]),
        "rows_total": _find_number(record, b"rows_total", int),
        "chunks_total": _find_number(record, b"chunks_total", int),
        "started_at": _find_number(record, b"started", read_seconds),
        "completed_at": _find_number(record, b"completed", read_seconds),
        "expires_at": _find_number(record, b"expires", read_seconds),
        "error": BatchError(**orjson.loads(error)) if error else None,
        "mends": int(record.get(b"mends", 0)),
        "delivery": find_delivery(record),
        "errors_by_code": {code.decode(): int(count) for code, count in sorted(codes.items())},
    }


def read_parts(batch_id: str, texts: Mapping[bytes, bytes]) -> list[Part]:
    """Return the parts of the first chunks, as far as there is no gap; raises RecordUnreadable."""
    found: list[Part] = []
    with readable(f"batch {batch_id}"):
        by_index = {int(index): text for index, text in texts.items()}
        while len(found) in by_index:
            found.append(Part(**orjson.loads(by_index[len(found)])))
    return found


def encode_replaced(batch_id: str, index: int, token: str) -> bytes:
    return orjson.dumps([batch_id, index, token])


def read_replaced(member: bytes) -> ReplacedPart:
    """Read the note of a part that was replaced; raises RecordUnreadable."""
    with readable("a replaced part"):
        part = ReplacedPart(*orjson.loads(member))
        if type(part.index) is not int or encode_replaced(part.batch_id, part.index, part.token) != member:
            # It could not be forgotten by what it says.
            raise ValueError("not as it is written")
        return part


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


def _find_number(record: Mapping[bytes, bytes], name: bytes, kind: Callable[[bytes], Any]) -> Any:
    text = record.get(name)
    return None if text is None else kind(text)
