"""The reference of the HTTP API is what the contract says now, and its pages load nothing from elsewhere."""

import re
from pathlib import Path

from api.reference import Reference, read_contract

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs/reference/http-api.md").read_text()

    assert written == Reference(read_contract()).render(), "run: make reference"


def test_every_operation_and_every_document_has_a_heading() -> None:
    contract = read_contract()
    written = (ROOT / "docs/reference/http-api.md").read_text()

    operations = {f"{method.upper()} {path}" for path, item in contract["paths"].items() for method in item}
    headings = set(re.findall(r"^### (.+)$", written, re.MULTILINE))
    assert headings == operations | {"POST to the URL of the webhook"} | contract["components"]["schemas"].keys()
