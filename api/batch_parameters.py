"""What the query of `POST /v1/batches` asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from werkzeug.datastructures import MultiDict

from api.csv_header import CsvOptions
from api.terms import read_metadata, read_retain_for
from shared.batches import Formulas, OnError
from shared.errors import FieldNote, InputInvalid, UploadErrorCode
from shared.feature_schema import suggest
from shared.formulas import MARK

_NAMES = {
    "model",
    "version",
    "on_error",
    "max_error_ratio",
    "formulas",
    "dry_run",
    "delimiter",
    "encoding",
    "column",
    "retain_for",
    "metadata",
    "webhook_url",
}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class BatchParameters:
    """How a batch is to be treated."""

    model: str | None
    version: str | None
    on_error: OnError
    max_error_ratio: float
    is_dry_run: bool
    csv: CsvOptions
    formulas: Formulas = Formulas.KEEP
    #: Seconds for which the final batch is kept; None: as long as any other.
    retain_seconds: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: Checked apart, by what the operator allows; empty: nobody is to be told.
    webhook_url: str = ""


def read_batch_parameters(query: MultiDict[str, str], *, longest_retention: int) -> BatchParameters:
    """Read the query; raises InputInvalid with a note for each bad parameter.

    longest_retention: most seconds for which a final batch may be kept.
    """
    notes = [_note(name, f"no such parameter{suggest(name, _NAMES)}") for name in query if name not in _NAMES]
    on_error, ratio = query.get("on_error", OnError.CONTINUE.value), query.get("max_error_ratio", "1.0")
    dry_run = query.get("dry_run", "false").lower()
    if on_error not in list(OnError):
        notes.append(_note("on_error", "send continue or abort"))
    if not _is_share(ratio):
        notes.append(_note("max_error_ratio", "send a number from 0 to 1, such as 0.05"))
    if dry_run not in _TRUTHS:
        notes.append(_note("dry_run", "send true or false"))
    formulas = _read_formulas(query, notes)
    columns = _read_columns(query.getlist("column"), notes)
    retain_seconds = _read_retain_for(query.get("retain_for"), longest_retention, notes)
    metadata = _read_metadata(query.getlist("metadata"), notes)
    if notes:
        raise InputInvalid(notes)
    return BatchParameters(
        model=query.get("model") or None,
        version=query.get("version") or None,
        on_error=OnError(on_error),
        max_error_ratio=float(ratio),
        is_dry_run=_TRUTHS[dry_run],
        csv=CsvOptions(
            delimiter=_spelled_out(query.get("delimiter")), encoding=query.get("encoding") or None, columns=columns
        ),
        formulas=formulas,
        retain_seconds=retain_seconds,
        metadata=metadata,
    )


def _read_formulas(query: MultiDict[str, str], notes: list[FieldNote]) -> Formulas:
    text = query.get("formulas", Formulas.KEEP.value)
    if text not in list(Formulas):
        notes.append(_note("formulas", "send keep or escape"))
        return Formulas.KEEP
    if text == Formulas.ESCAPE and query.get("delimiter") == MARK:
        notes.append(_note("formulas", f"{MARK} stands before what is escaped, so it cannot be the delimiter"))
    return Formulas(text)


def _read_columns(texts: Sequence[str], notes: list[FieldNote]) -> dict[str, str]:
    """Return which header the client says is which feature; adds a note for each that cannot be."""
    columns: dict[str, str] = {}
    for text in texts:
        feature, _, header = text.partition(":")
        header = header.strip()
        if not (feature and header):
            notes.append(_note("column", "send <feature>:<header>, such as height:Body height"))
        elif feature in columns:
            notes.append(_note("column", f"{feature[:64]} is named twice; a feature is one column"))
        elif header in columns.values():
            notes.append(_note("column", f"{header[:64]!r} is named for two features; a column is one feature"))
        columns[feature] = header
    return columns


def _read_retain_for(text: str | None, longest: int, notes: list[FieldNote]) -> int | None:
    found: list[FieldNote] = []
    seconds = read_retain_for(text, longest=longest, errors=found)
    notes += _in_query(found)
    return seconds


def _read_metadata(texts: Sequence[str], notes: list[FieldNote]) -> Mapping[str, str]:
    """Return what the client writes on its batch; adds what is wrong, and never what it says."""
    pairs = [text.partition(":") for text in texts]
    metadata = {name: text for name, _, text in pairs}
    if not all(name and colon for name, colon, _ in pairs):
        notes.append(_note("metadata", "send <name>:<text>, such as order:4711"))
    elif len(metadata) < len(pairs):
        notes.append(_note("metadata", "a name stands there twice; it has one text"))
    found: list[FieldNote] = []
    read_metadata(metadata, found)
    notes += _in_query(found)
    return metadata


def _in_query(notes: Sequence[FieldNote]) -> list[FieldNote]:
    """Return notes on members of a document as notes on the parameters of the same names."""
    return [replace(note, pointer=f"/query{note.pointer}") for note in notes]


def _spelled_out(delimiter: str | None) -> str | None:
    """A tab is hard to type in a URL."""
    return {"tab": "\t", "\\t": "\t", "": None}.get(delimiter or "", delimiter)


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _note(name: str, detail: str) -> FieldNote:
    return FieldNote(f"/query/{name[:64]}", UploadErrorCode.BAD_PARAMETER, detail)
