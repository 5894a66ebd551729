"""Which column of a header is which feature: by name, or as the client says."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.errors import FieldNote, UploadErrorCode
from shared.feature_schema import SHOWN_CHARACTERS, suggest
from shared.manifest import Feature

#: Finding the nearest name is slow: how many features get one, and among how many columns and how long names.
_HINTED_FEATURES = 20
_COMPARED_COLUMNS = 1_000
_COMPARED_CHARACTERS = 128
_SPACES = re.compile(r"[\s_-]+")


@dataclass(frozen=True, slots=True)
class Matches:
    """The columns that could be each feature, as far as there are any."""

    header: Sequence[str]
    #: Feature → indices of columns.
    columns: Mapping[str, Sequence[int]]

    @property
    def clear(self) -> int:
        """How many features are exactly one column."""
        return sum(len(indices) == 1 for indices in self.columns.values())


def match_columns(header: Sequence[str], features: Sequence[Feature], wanted: Mapping[str, str]) -> Matches:
    """Return the columns that could be each feature.

    wanted: feature → header, where the client says so; then no other column could be it.
    """
    by_name = {feature.name: feature for feature in features}
    by_plain_name = {_plain(feature.name): feature for feature in features}
    found: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        stripped = name.strip()
        for feature_name, text in wanted.items():
            if stripped == text.strip():
                found.setdefault(feature_name, []).append(index)
        # The name as a whole first: a feature may have brackets in its own name.
        meant = by_name.get(stripped) or by_plain_name.get(_plain(name)) or _find_by_unit(name, by_plain_name)
        if meant is not None and meant.name not in wanted:
            found.setdefault(meant.name, []).append(index)
    return Matches(header, found)


def _find_by_unit(column: str, by_plain_name: Mapping[str, Feature]) -> Feature | None:
    """Return the feature whose name and unit the column has, such as `Height (cm)`."""
    name, unit = _split_unit(column)
    feature = by_plain_name.get(_plain(name))
    if feature is None or (unit and feature.unit and unit.lower() != feature.unit.lower()):
        return None
    return feature


def _split_unit(column: str) -> tuple[str, str]:
    """Return a name and the unit in brackets at its end, or the name and nothing."""
    text = column.rstrip()
    start = max(text.rfind("("), text.rfind("["))
    if start < 0 or not text.endswith((")", "]")):
        return column, ""
    return text[:start], text[start + 1 : -1].strip()


def _plain(name: str) -> str:
    return _SPACES.sub("", name).casefold()


def find_unknown_features(features: Sequence[Feature], wanted: Mapping[str, str]) -> list[FieldNote]:
    """Return a note for each feature that the client names a column for and that the model does not have."""
    known = {feature.name for feature in features}
    return [
        FieldNote(
            "/query/column",
            UploadErrorCode.BAD_PARAMETER,
            f"the model has no feature {name[:SHOWN_CHARACTERS]!r}{suggest(name[:SHOWN_CHARACTERS], known)}",
        )
        for name in wanted
        if name not in known
    ]


def find_column_problems(matches: Matches, features: Sequence[Feature]) -> list[FieldNote]:
    """Return a note for each feature that is not exactly one column of its own."""
    notes: list[FieldNote] = []
    owners: dict[int, str] = {}
    missing = [feature for feature in features if feature.name not in matches.columns]
    hints = _explain_missing(missing, matches.header)
    for feature in features:
        indices = matches.columns.get(feature.name, ())
        if not indices:
            notes.append(_note(feature, UploadErrorCode.MISSING_COLUMN, hints[feature.name]))
        elif len(indices) > 1:
            names = ", ".join(repr(matches.header[index][:SHOWN_CHARACTERS]) for index in indices[:5])
            detail = f"several columns could be {feature.name}: {names}; name one with column={feature.name}:<header>"
            notes.append(_note(feature, UploadErrorCode.AMBIGUOUS_COLUMN, detail))
        elif (owner := owners.setdefault(indices[0], feature.name)) != feature.name:
            column = matches.header[indices[0]][:SHOWN_CHARACTERS]
            detail = f"{column!r} would be both {owner} and {feature.name}; a column is one feature"
            notes.append(FieldNote("/query/column", UploadErrorCode.BAD_PARAMETER, detail))
    return notes


def _note(feature: Feature, code: UploadErrorCode, detail: str) -> FieldNote:
    return FieldNote(f"/columns/{feature.name}", code, detail)


def _explain_missing(missing: Sequence[Feature], header: Sequence[str]) -> dict[str, str]:
    """Return for each feature without a column what to do; the first ones with the nearest name that there is."""
    compared = [name for name in header[:_COMPARED_COLUMNS] if len(name) <= _COMPARED_CHARACTERS]
    near_names = {_plain(_split_unit(name)[0]): name for name in compared}
    shown = ", ".join(repr(name[:40]) for name in header[:10]) + (" …" if len(header) > 10 else "")
    hints = {}
    for number, feature in enumerate(missing):
        text = f"no column is {feature.name}" + (f" in {feature.unit}" if feature.unit else "")
        near = difflib.get_close_matches(_plain(feature.name), near_names, n=1) if number < _HINTED_FEATURES else []
        if near:
            name = near_names[near[0]]
            hints[feature.name] = f"{text}; if {name!r} is, say so with column={feature.name}:{name}"
        else:
            hints[feature.name] = f"{text}; the file has {shown}; name one with column={feature.name}:<header>"
    return hints
