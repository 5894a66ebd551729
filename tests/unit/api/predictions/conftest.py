"""What tests of predictions share: a path that leads nowhere, notes in short, and models to choose from."""

from typing import Any

from shared.registry import ServedModel
from tests.builders import manifest

NEVER_GIVEN_OUT = "/v1/predictions/prd_" + "a" * 32


def pointers_and_codes(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document["errors"]]


def two_versions() -> list[ServedModel]:
    return [ServedModel(manifest(version=version), is_ready=True) for version in ("2", "1")]
