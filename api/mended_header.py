"""Read the header of a file of mended rows: the batch's own columns, and the number of the row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from api.csv_header import DELIMITERS, MAX_COLUMNS, UTF8_MARK, Header, find_encoding, read_headers, require_rows
from shared.batches import ERROR_COLUMNS, CsvLayout, Formulas, Mend
from shared.errors import FieldNote, InputInvalid, UploadErrorCode
from shared.formulas import escape_text

_ROW_NUMBER = ERROR_COLUMNS[0]
#: Most missing columns that an answer names.
_NAMED_COLUMNS = 20


def read_mend(
    head: bytes, layout: CsvLayout, token: str, *, is_whole: bool, formulas: Formulas = Formulas.KEEP
) -> Mend:
    """Return where everything stands in a file of mended rows; raises InputInvalid.

    layout: of the batch's input. Its columns must all be there: under the same names in any order, or in the same
    places though a program renamed some, as many do with names that are empty or occur twice.
    formulas: with ESCAPE, a name may have come back as the errors have it, or as the input has it.
    """
    show = escape_text if formulas is Formulas.ESCAPE else str
    own = tuple(map(show, layout.header))
    needed = Counter([*own, _ROW_NUMBER])
    encoding = find_encoding(head, _known_encoding(head, layout.dialect.encoding))
    delimiters = dict.fromkeys((layout.dialect.delimiter, *DELIMITERS))
    headers = read_headers(head, encoding, list(delimiters), is_whole=is_whole)
    headers = [replace(one, names=tuple(map(show, one.names))) for one in headers]
    header = max(headers, key=lambda one: (needed & Counter(one.names)).total())
    missing = needed - Counter(header.names)
    if missing and not _is_renamed_in_place(own, header.names):
        raise InputInvalid(_explain_missing(list(missing)))
    # Our columns come after the batch's own, which may have the same names.
    row_number_column = len(header.names) - 1 - header.names[::-1].index(_ROW_NUMBER)
    _require_sane_width(header, layout)
    require_rows(head, header, is_whole=is_whole)
    names = (*own, *header.names[len(own) :]) if missing else header.names
    own_columns = _find_own_columns(own, names)
    return Mend(token, header.dialect, own_columns, row_number_column, len(header.names))


def _known_encoding(head: bytes, own: str) -> str | None:
    """Return the encoding of the batch's input, unless the file says another; a spreadsheet may have changed UTF-8."""
    if head.startswith(UTF8_MARK):
        return "utf-8"
    return None if own == "utf-8" else own


def _explain_missing(names: Sequence[str]) -> list[FieldNote]:
    detail = "send the errors of this batch with their cells mended; a column may move or be renamed, not both"
    return [
        FieldNote(f"/columns/{name[:64]}", UploadErrorCode.MISSING_COLUMN, detail) for name in names[:_NAMED_COLUMNS]
    ]


def _is_renamed_in_place(own: Sequence[str], names: Sequence[str]) -> bool:
    """Say whether every column stands where the errors of the batch have it, though some have new names."""
    if len(names) <= len(own) or names[len(own)] != _ROW_NUMBER:
        return False
    # A name that stands elsewhere shows that columns were moved; then a new name could be any of them.
    return all(new == old or new not in own for old, new in zip(own, names, strict=False))


def _require_sane_width(header: Header, layout: CsvLayout) -> None:
    most = max(MAX_COLUMNS, len(layout.header) + len(ERROR_COLUMNS))
    if len(header.names) > most:
        detail = f"{len(header.names)} columns, at most {most}"
        raise InputInvalid([FieldNote("", UploadErrorCode.TOO_MANY_COLUMNS, detail)])


def _find_own_columns(own: Sequence[str], names: Sequence[str]) -> tuple[int, ...]:
    """Return the index of each of the batch's columns; two of the same name keep their order."""
    places: dict[str, list[int]] = {}
    for index in range(len(names) - 1, -1, -1):
        places.setdefault(names[index], []).append(index)
    return tuple(places[name].pop() for name in own)
