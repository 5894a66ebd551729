"""What a client sees of a dry run: how its file would be read, and nothing is kept."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.unit.api.batches.conftest import HEADER, files_in, submit
from tests.unit.api.conftest import Api, document_of


def test_a_dry_run_stores_nothing(api: Api, tmp_path: Path, redis: Redis, settings: Any) -> None:
    response = submit(api, query="?dry_run=true")

    assert response.status_code == 200
    assert (files_in(tmp_path), api.broker.sent) == ([], [])
    assert list(redis.scan_iter(f"{settings.key_root}batch*")) == []


def test_a_dry_run_shows_how_the_file_would_be_read(api: Api) -> None:
    document = document_of(submit(api, query="?dry_run=true"))

    assert document == {
        "object": "batch_preview",
        "model": {"name": "gender", "version": "1", "sha256": "0" * 64},
        "columns": {"Height (cm)": "height", "shoe_size": "shoe_size"},
        "unused_columns": ["name"],
        "delimiter": ",",
        "encoding": "utf-8",
        "sampled_rows": 3,
        "sample_errors": [
            {
                "row_number": 3,
                "error_code": "out_of_range",
                "error_column": "Height (cm)",
                "error_message": "999 is outside 100 to 250 cm",
            }
        ],
        "formula_cells": 0,
        "estimated_rows": 3,
        "estimated_seconds": None,
    }


def test_a_dry_run_counts_the_cells_that_a_spreadsheet_would_run(api: Api) -> None:
    body = b'Height (cm),=name,shoe_size\n181,"=HYPERLINK(""x"")",44\n-1.5,@x,-44\n'

    assert document_of(submit(api, body, "?dry_run=true"))["formula_cells"] == 3


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        pytest.param(b",Ada,44", "missing_value", "Height (cm)", id="an empty cell"),
        pytest.param(b"  ,Ada,44", "missing_value", "Height (cm)", id="a cell of spaces"),
        pytest.param(b"tall,Ada,44", "not_a_number", "Height (cm)", id="a word"),
        pytest.param(b'"181,5",Ada,44', "not_a_number", "Height (cm)", id="a decimal comma"),
        pytest.param(b"1_81,Ada,44", "not_a_number", "Height (cm)", id="an underscore among digits"),
        pytest.param("١٨١,Ada,44".encode(), "not_a_number", "Height (cm)", id="digits of another script"),
        pytest.param(b"nan,Ada,44", "not_a_number", "Height (cm)", id="NaN"),
        pytest.param(b"181,Ada,9", "out_of_range", "shoe_size", id="a size of another country"),
        pytest.param(b"181,Ada", "wrong_column_count", None, id="a cell less"),
        pytest.param(b"181,Ada,44,5", "wrong_column_count", None, id="a cell more"),
    ],
)
def test_a_dry_run_names_bad_rows(api: Api, row: bytes, code: str, column: str | None) -> None:
    body = HEADER + b"\n181,Ada,44\n\n" + row + b"\n"

    errors = document_of(submit(api, body, "?dry_run=true"))["sample_errors"]

    assert [(error["row_number"], error["error_code"], error["error_column"]) for error in errors] == [
        (2, code, column)
    ]


def test_a_dry_run_names_a_cell_that_is_no_text_in_its_encoding(api: Api) -> None:
    body = HEADER + b"\n181,\xff,44\n\xff,Ada,44\n"

    errors = document_of(submit(api, body, "?dry_run=true&encoding=utf-8"))["sample_errors"]

    assert [(error["row_number"], error["error_code"]) for error in errors] == [(2, "not_decodable")]


def test_a_dry_run_accepts_cells_with_spaces_around_their_number(api: Api) -> None:
    document = document_of(submit(api, HEADER + b'\n 181 ,Ada,"44"\n', "?dry_run=true"))

    assert document["sample_errors"] == []


@pytest.mark.parametrize(
    ("pack", "estimate"),
    [
        pytest.param(bytes, pytest.approx(150_000, rel=0.02), id="plain"),
        pytest.param(gzip.compress, None, id="packed, so that its size is not known"),
    ],
)
def test_a_dry_run_of_a_large_file_estimates_its_rows(api: Api, pack: Any, estimate: Any) -> None:
    body = HEADER + b"\n" + b"".join(b"181,person %07d,44\n" % number for number in range(150_000))

    document = document_of(submit(api, pack(body), "?dry_run=true"))

    assert document["sampled_rows"] == 1_000
    assert document["estimated_rows"] == estimate


def test_a_dry_run_of_a_file_that_cannot_be_scored_is_refused(api: Api) -> None:
    response = submit(api, b"heigth,shoe_size\n181,44\n", "?dry_run=true")

    assert response.status_code == 422
    assert "column=height:heigth" in document_of(response)["detail"]
