"""The table of sizes names every limit that there is, with the value that the code has."""

import re
from pathlib import Path

import pytest

from api.csv_header import MAX_COLUMNS, MAX_HEADER_BYTES
from api.lean_flask import LeanFlask
from api.list_query import MAX_LIMIT
from api.refusals import LEAST_BYTES_PER_SECOND
from api.submissions import MAX_JSON_DEPTH
from api.terms import MAX_CLIENT_ID, MAX_KEY, MAX_METADATA, MAX_METADATA_NAME, MAX_METADATA_TEXT
from api.uploads import MAX_RATIO, RATIO_FROM_BYTES
from shared.manifest import Feature
from shared.settings import ENVIRONMENT_PREFIX, Settings
from shared.webhooks import LONGEST_URL

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs/how-to/limits.md").read_text()
#: What is limited, by how much, and what is said of more.
ROWS = {
    cells[0].strip(): (cells[1].strip(), cells[2].strip())
    for cells in re.findall(
        r"^\| (?!what|-)(.+?) \| (.+?) \| (.+?) \|$", DOCUMENT.partition("## Sizes")[2], re.MULTILINE
    )
}
CONFIG = LeanFlask("limits").config

CONSTANTS = {
    "characters of a text in a record": Feature.model_fields["maximum_length"].default,
    "arrays and objects inside each other": MAX_JSON_DEPTH,
    "texts in `metadata`": MAX_METADATA,
    "characters of a name in `metadata`": MAX_METADATA_NAME,
    "characters of a text in `metadata`": MAX_METADATA_TEXT,
    "characters of an `Idempotency-Key`": MAX_KEY,
    "characters of an id of your own": MAX_CLIENT_ID,
    "characters of the URL of a webhook": LONGEST_URL,
    "entries on a page of a list": MAX_LIMIT,
    f"times its size to which a file unpacks, beyond {RATIO_FROM_BYTES >> 20} MiB": MAX_RATIO,
    "parts of a form": CONFIG["MAX_FORM_PARTS"],
    "bytes of a form beside its file": CONFIG["MAX_FORM_MEMORY_SIZE"],
    "bytes of a file's header": MAX_HEADER_BYTES,
    "columns of a file": MAX_COLUMNS,
}
SETTINGS = {
    "a request body that is no file, packed or unpacked": "max_body_bytes",
    "rows in a job, on every route and protocol": "max_rows",
    "seconds of `retain_for`": "retention_seconds",
    "bytes of a file, packed or unpacked": "max_upload_bytes",
    "bytes of a file of mended rows, packed or unpacked": "max_mended_bytes",
    "bytes of a record of a file": "max_record_bytes",
}


def test_the_table_names_every_limit() -> None:
    assert ROWS.keys() == CONSTANTS.keys() | SETTINGS.keys()


@pytest.mark.parametrize(("what", "most"), CONSTANTS.items(), ids=CONSTANTS)
def test_a_limit_without_a_setting_is_what_the_code_has(what: str, most: int) -> None:
    assert ROWS[what][0].split()[-1] == str(most)


@pytest.mark.parametrize(("what", "field"), SETTINGS.items(), ids=SETTINGS)
def test_a_limit_with_a_setting_names_it(what: str, field: str) -> None:
    assert field in Settings.model_fields
    assert ROWS[what][0] == f"`{ENVIRONMENT_PREFIX}{field.upper()}`"


@pytest.mark.parametrize("what", ROWS)
def test_what_is_said_of_more_is_an_error_code(what: str) -> None:
    (code,) = re.findall(r"`([a-z_]+)`", ROWS[what][1])

    assert f"| `{code}` |" in (ROOT / "docs/reference/errors.md").read_text()


def test_the_least_rate_of_a_body_is_what_the_code_has() -> None:
    assert f"at least {LEAST_BYTES_PER_SECOND >> 10} KiB comes in a second" in DOCUMENT
