"""CSV files of people, and what their results must be."""

import csv
import io
from typing import Any

from tests.acceptance.direct import direct_outputs, people

HEADER = "name,Height (cm),weight,Shoe Size,note\r\n"


def people_csv(rows: int) -> bytes:
    """A file as people have it: other columns, quoted newlines, leading zeros, spaces, CRLF."""
    lines = [
        f'"Nr. {number}",{person["height"]},0{person["weight"]}, {person["shoe_size"]},"say ""hi"",\nnr {number}"\r\n'
        for number, person in enumerate(people(rows))
    ]
    return (HEADER + "".join(lines)).encode()


def read_csv(document: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(document.decode(), newline="")))


def expected_rows(rows: int) -> list[dict[str, Any]]:
    """The columns that scoring adds, for every row of `people_csv`."""
    return [
        {
            "prediction": output["prediction"],
            "probability_female": output["probabilities"]["female"],
            "probability_male": output["probabilities"]["male"],
            "row_status": "ok",
            "error_code": "",
            "error_message": "",
        }
        for output in direct_outputs(people(rows))
    ]


def added_columns(row: dict[str, str]) -> dict[str, Any]:
    """The columns that scoring added to one row, with numbers as numbers."""
    added = {name: row[name] for name in ("prediction", "row_status", "error_code", "error_message")}
    return added | {name: float(row[name]) for name in ("probability_female", "probability_male")}
