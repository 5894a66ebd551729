"""What can be set and what can go wrong is written down, and nothing else is."""

import json
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from api.problems import FRAMEWORK_PROBLEMS
from shared.errors import DependencyError, FieldErrorCode, FieldWarningCode, RequestError, ServiceError
from shared.job_errors import JobErrorCode
from shared.settings import ENVIRONMENT_PREFIX, Settings
from tests.acceptance.direct import direct_outputs

ROOT = Path(__file__).resolve().parent.parent.parent
VARIABLE = re.compile(rf"\b{ENVIRONMENT_PREFIX}[A-Z0-9_]*[A-Z0-9]\b")
SETTING_ROW = re.compile(rf"^\| `({ENVIRONMENT_PREFIX}[A-Z0-9_]+)` \| (.*?) \|", re.MULTILINE)
#: A table row or a heading that is about one code.
CODE_ENTRY = re.compile(r"^(?:\| |#+ )`([a-z_]+)`", re.MULTILINE)

#: How a document may say that a variable is not set, besides leaving the cell empty.
UNSET = re.compile(r"|unset|none|empty|-|\u2013|\u2014")

VARIABLES = {f"{ENVIRONMENT_PREFIX}{name.upper()}": name for name in Settings.model_fields}

#: Codes that no class of errors has, and what each is for.
CODES_WITHOUT_A_CLASS_OF_THEIR_OWN = {
    "internal_error": "a defect",
    "http_error": "a status that the web framework finds and that has no code of ours",
}


@pytest.fixture(scope="module")
def settings_document() -> str:
    return (ROOT / "docs/reference/settings.md").read_text()


@pytest.fixture(scope="module")
def errors_document() -> str:
    return (ROOT / "docs/reference/errors.md").read_text()


@pytest.fixture
def defaults() -> Settings:
    return Settings()


def leaves(family: type[ServiceError]) -> set[type[ServiceError]]:
    """Return the classes of a family that have no members of their own: those that are raised."""
    children = family.__subclasses__()
    return set().union(*map(leaves, children)) if children else {family}


def codes_of_errors() -> set[str]:
    return {error.code for error in leaves(RequestError) | leaves(DependencyError)}


CODES = sorted(
    {
        *codes_of_errors(),
        *CODES_WITHOUT_A_CLASS_OF_THEIR_OWN,
        *(code for code, _ in FRAMEWORK_PROBLEMS.values()),
        *(code.value for code in chain(FieldErrorCode, FieldWarningCode, JobErrorCode)),
    }
)


def read_default(field: str, cell: str) -> Any:
    """Return what a setting would be if its variable were set to what a document gives as its default."""
    text = cell.strip("`*_() ")
    if UNSET.fullmatch(text.lower()):
        return None
    return getattr(Settings.model_validate({field: text}), field)


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_setting_is_documented(settings_document: str, variable: str) -> None:
    assert [name for name, _ in SETTING_ROW.findall(settings_document) if name == variable] == [variable]


@pytest.mark.parametrize(("variable", "field"), VARIABLES.items(), ids=VARIABLES)
def test_the_documented_default_is_the_default(
    settings_document: str, defaults: Settings, variable: str, field: str
) -> None:
    cell = dict(SETTING_ROW.findall(settings_document))[variable]

    assert (read_default(field, cell) or None) == (getattr(defaults, field) or None)


def test_no_other_variable_is_documented(settings_document: str) -> None:
    assert set(VARIABLE.findall(settings_document)) - VARIABLES.keys() == set()


def test_the_example_environment_names_only_settings_that_exist() -> None:
    example = (ROOT / ".env.example").read_text()

    assert set(VARIABLE.findall(example)) - VARIABLES.keys() == set()


@pytest.mark.parametrize("code", CODES)
def test_every_code_that_can_reach_a_client_is_documented(errors_document: str, code: str) -> None:
    assert code in CODE_ENTRY.findall(errors_document)


#: Records that the README sends, and what it shows of their answers.
README_RECORDS = [
    ({"height": 181, "weight": 80, "shoe_size": 44}, '{"female": 0.0301, "male": 0.9699}'),
    ({"height": 190, "weight": 70, "shoe_size": 43}, '{"female": 0.0200, "male": 0.9800}'),
]


@pytest.mark.parametrize(("record", "shown"), README_RECORDS)
def test_the_readme_shows_what_the_model_answers(record: dict[str, float], shown: str) -> None:
    (output,) = direct_outputs([record])
    readme = (ROOT / "README.md").read_text()

    assert (json.dumps(record) in readme, shown in readme) == (True, True)
    assert json.loads(shown) == pytest.approx(output["probabilities"], abs=0.00005)
