"""Check rows against a manifest in plain Python, and say what is wrong and how to mend it.

The checks of a model version are prepared once; a good row costs a few dictionary look-ups.
"""

import difflib
import math
import re
import sys
from collections.abc import Mapping, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.errors import FieldErrorCode, FieldNote, FieldWarningCode, ManifestInvalid
from shared.jobs import Row
from shared.manifest import Feature, Lookalike, ModelManifest
from shared.row_errors import RowErrorCode

#: Most unknown fields of one record that an answer names: finding the nearest name is slow.
NAMED_UNKNOWN_FIELDS = 10
#: Longest part of a client's text that an answer repeats.
SHOWN_CHARACTERS = 64
#: A number as JSON writes it (RFC 8259, section 6), of a length worth repeating.
_JSON_NUMBER = re.compile(r"^\s*((?=.{1,32}$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$")
#: A number as a cell of a CSV file holds it: a decimal point, no separators of thousands.
_CELL_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:[,' ][0-9]{3})+(?:\.[0-9]*)?")


@dataclass(frozen=True, slots=True)
class CellProblem:
    """Why a cell of a CSV file is no value of its feature, and how to mend it."""

    code: RowErrorCode
    detail: str


class FeatureSchema:
    """Turns records into rows in the order of the manifest's features."""

    def __init__(self, manifest: ModelManifest) -> None:
        self._manifest = manifest
        self.features = manifest.features
        self._names = frozenset(feature.name for feature in manifest.features)
        self._plain = [_find_plain_range(feature) for feature in manifest.features]

    def check(self, record: object, pointer: str) -> tuple[Row, list[FieldNote], list[FieldNote]]:
        """Return the row, its errors and its warnings.

        record: what the client sent for one row. pointer: JSON pointer to it, such as `/input/3`.
        The row is complete only when there are no errors.
        """
        plain = self._find_plain_row(record)
        if plain is not None:
            return plain, [], []
        if not isinstance(record, dict):
            detail = f"a record is an object such as {self._example()}, not {_json_type(record)}"
            return [], [FieldNote(pointer, FieldErrorCode.WRONG_TYPE, detail)], []
        row: Row = []
        errors: list[FieldNote] = []
        warnings: list[FieldNote] = []
        for feature in self.features:
            value = record.get(feature.name)
            problem = _find_problem(feature, value)
            if problem is not None:
                errors.append(FieldNote(f"{pointer}/{escape_pointer(feature.name)}", *problem))
                continue
            assert isinstance(value, (int, float, str))
            row.append(value)
            if feature.is_numeric and (doubt := _find_doubt(feature, value)):
                path = f"{pointer}/{escape_pointer(feature.name)}"
                warnings.append(FieldNote(path, FieldWarningCode.UNTYPICAL, doubt))
        if len(record) != len(self.features) or errors:
            errors += unknown_fields(record, self._names, pointer=pointer, what="the model has no feature")
        return row, errors, warnings

    def _find_plain_row(self, record: object) -> Row | None:
        """Return the row if there is nothing to say about it: as a rule, and five times as fast as to look for what."""
        if type(record) is not dict or len(record) != len(self._plain):
            return None
        row: Row = []
        for plain in self._plain:
            if plain is None:
                return None
            name, least, most = plain
            value = record.get(name)
            # A boolean is no number; a NaN is in no range.
            if (type(value) is not float and type(value) is not int) or not least <= value <= most:
                return None
            row.append(value)
        return row

    def require_example(self) -> None:
        """Raise ManifestInvalid unless every feature's example passes its own checks."""
        _row, errors, _warnings = self.check(self._manifest.example, "")
        if errors:
            first = errors[0]
            raise ManifestInvalid(f"{self._manifest.key}: the example of {first.pointer[1:]}: {first.detail}")

    def _example(self) -> str:
        fields = ", ".join(f'"{feature.name}": {_show_json(feature.example)}' for feature in self.features[:4])
        return "{" + fields + (", …}" if len(self.features) > 4 else "}")


def _find_plain_range(feature: Feature) -> tuple[str, float, float] | None:
    """Return a name and the numbers about which there is nothing to say, whatever they are; None for other features."""
    if feature.type != "number":
        return None
    largest = sys.float_info.max
    least = max(-largest if bound is None else bound for bound in (feature.minimum, feature.typical_minimum))
    most = min(largest if bound is None else bound for bound in (feature.maximum, feature.typical_maximum))
    return feature.name, least, most


def read_cell(feature: Feature, text: str) -> float | str | CellProblem:
    """Return the value that a cell of a CSV file holds for the feature, or why it holds none.

    text: unescaped. A cell of spaces is empty. Ranges, categories and hints are those of `FeatureSchema.check`.
    """
    stripped = text.strip(" \t")
    value: float | str | None = text if stripped else None
    if feature.is_numeric and stripped:
        if not _CELL_NUMBER.fullmatch(stripped):
            return CellProblem(RowErrorCode.NOT_A_NUMBER, _explain_cell(stripped))
        value = float(stripped)
    problem = _find_problem(feature, value)
    if problem is not None:
        return CellProblem(RowErrorCode(problem[0].value), problem[1])
    assert value is not None
    return value


def unknown_fields(record: Mapping[str, Any], known: Set[str], *, pointer: str, what: str) -> list[FieldNote]:
    """Return a note for each of the first unknown fields, with the nearest name that there is."""
    unknown = islice((name for name in record if name not in known), NAMED_UNKNOWN_FIELDS)
    return [
        FieldNote(
            f"{pointer}/{escape_pointer(name[:SHOWN_CHARACTERS])}",
            FieldErrorCode.UNKNOWN_FIELD,
            f"{what} {name[:SHOWN_CHARACTERS]!r}{suggest(name[:SHOWN_CHARACTERS], known)}",
        )
        for name in unknown
    ]


def suggest(name: str, known: Set[str]) -> str:
    """Return a hint at the nearest known name, or at all of them."""
    # A name of a mebibyte is near to none, and would take long to compare.
    name = name[:SHOWN_CHARACTERS]
    spellings = {one.lower(): one for one in sorted(known)}
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), spellings, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {spellings[near[0]]!r}?"
    return "; it has " + ", ".join(sorted(known)[:20])


def escape_pointer(name: str) -> str:
    """Escape one reference token of a JSON pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def _find_problem(feature: Feature, value: object) -> tuple[FieldErrorCode, str] | None:
    if value is None:
        unit = f" in {feature.unit}" if feature.unit else ""
        return FieldErrorCode.MISSING_VALUE, f"send {feature.name}{unit}, such as {_show_json(feature.example)}"
    if feature.is_numeric:
        return _find_number_problem(feature, value)
    if not isinstance(value, str):
        return FieldErrorCode.NOT_TEXT, f"send a string, not {_json_type(value)}"
    if feature.type == "category" and value not in feature.categories:
        allowed = ", ".join(feature.categories[:20])
        return FieldErrorCode.NOT_A_CATEGORY, f"{value[:SHOWN_CHARACTERS]!r} is none of the categories: {allowed}"
    if feature.type == "text" and len(value) > feature.maximum_length:
        return FieldErrorCode.OUT_OF_RANGE, f"{len(value)} characters, at most {feature.maximum_length}"
    return None


def _find_number_problem(feature: Feature, value: object) -> tuple[FieldErrorCode, str] | None:
    # A boolean is an int in Python, and never a number here.
    if type(value) is not float and type(value) is not int:
        number = _find_number_in_text(value)
        hint = f"; send {number} without quotes" if number else ""
        return FieldErrorCode.NOT_A_NUMBER, f"send a number, not {_json_type(value)}{hint}"
    if not _fits_a_float(value):
        return FieldErrorCode.NOT_A_NUMBER, "send a finite number that fits 64 bits"
    if not _is_within(feature.minimum, value, feature.maximum):
        return FieldErrorCode.OUT_OF_RANGE, _explain_range(feature, value)
    if feature.type == "integer" and value != int(value):
        return FieldErrorCode.NOT_AN_INTEGER, f"send a whole number, not {_show(value)}"
    return None


def _find_doubt(feature: Feature, value: int | float | str) -> str | None:
    assert not isinstance(value, str)
    if _is_within(feature.typical_minimum, value, feature.typical_maximum):
        return None
    span = _show_range(feature.typical_minimum, feature.typical_maximum, feature.unit)
    return f"{_show(value)} is unusual; the model has seen little outside {span}, so check the value and its unit"


def _explain_range(feature: Feature, value: float) -> str:
    text = f"{_show(value)} is outside {_show_range(feature.minimum, feature.maximum, feature.unit)}"
    for lookalike in feature.lookalikes:
        if lookalike.covers(value):
            return (
                f"{text}; looks like {lookalike.unit}; {lookalike.advice}{_show_converted(feature, lookalike, value)}"
            )
    return text


def _show_converted(feature: Feature, lookalike: Lookalike, value: float) -> str:
    converted = lookalike.convert(value)
    if converted is None or not _is_within(feature.minimum, converted, feature.maximum):
        return ""
    return f" ({_show(round(converted, 1))})"


def _is_within(minimum: float | None, value: float, maximum: float | None) -> bool:
    # Written so that a NaN is never within.
    return (minimum is None or value >= minimum) and (maximum is None or value <= maximum)


def _fits_a_float(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _explain_cell(text: str) -> str:
    if len(text) > SHOWN_CHARACTERS:
        return f"{text[:SHOWN_CHARACTERS]!r}… is not a number"
    if _THOUSANDS.fullmatch(text):
        plain = re.sub("[,' ]", "", text)
        either = f"{text.replace(',', '.')} or {plain}" if _DECIMAL_COMMA.fullmatch(text) else plain
        return f'"{text}" has a separator of thousands; write {either}'
    if _DECIMAL_COMMA.fullmatch(text):
        return f'"{text}" looks like a decimal comma; write {text.replace(",", ".")}'
    return f"{text!r} is not a finite number with a decimal point"


def _find_number_in_text(value: object) -> str | None:
    found = _JSON_NUMBER.match(value) if isinstance(value, str) else None
    return found[1] if found else None


def _show_range(minimum: float | None, maximum: float | None, unit: str | None) -> str:
    suffix = f" {unit}" if unit else ""
    if minimum is not None and maximum is not None:
        return f"{_show(minimum)} to {_show(maximum)}{suffix}"
    if maximum is not None:
        return f"at most {_show(maximum)}{suffix}"
    return f"at least {_show(minimum)}{suffix}" if minimum is not None else f"the finite numbers{suffix}"


def _show(value: float) -> str:
    return f"{value:.15g}"


def _show_json(value: float | str) -> str:
    return f'"{value}"' if isinstance(value, str) else _show(value)


def _json_type(value: object) -> str:
    names = {bool: "true or false", str: "a string", list: "an array", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")
