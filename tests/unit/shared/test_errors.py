import re
from collections.abc import Iterator

import pytest

from shared import errors
from shared.errors import FieldNote, InputInvalid, ServiceError


def descendants(parent: type[ServiceError]) -> Iterator[type[ServiceError]]:
    """Every exception of the module; another module may derive its own in the same test run."""
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from descendants(child)


def drawn_tree() -> dict[str, str]:
    """Child → parent as the docstring of the module draws them."""
    drawn: dict[str, str] = {}
    family = ""
    for indent, name in re.findall(r"^([│ ]*)[├└]── (\w+)", errors.__doc__ or "", flags=re.MULTILINE):
        drawn[name] = family if indent else ServiceError.__name__
        family = family if indent else name
    return drawn


ALL: list[type[ServiceError]] = [ServiceError, *descendants(ServiceError)]
FAMILIES: list[type[ServiceError]] = [ServiceError, errors.RequestError, errors.DependencyError, errors.ModelError]
#: The ones that are raised; a family only groups them.
RAISED = [error for error in ALL if error not in FAMILIES]


def name_of(error: type[ServiceError]) -> str:
    return error.__name__


def test_the_docstring_of_the_module_draws_the_whole_tree() -> None:
    parents = {error.__name__: error.__mro__[1].__name__ for error in descendants(ServiceError)}

    assert drawn_tree() == parents


@pytest.mark.parametrize("error", ALL, ids=name_of)
def test_every_error_says_in_one_sentence_when_it_is_raised(error: type[ServiceError]) -> None:
    assert re.match(r"Raised when .+\.$", (error.__doc__ or "").split("\n")[0])


@pytest.mark.parametrize("error", RAISED, ids=name_of)
def test_every_error_that_is_raised_has_a_code_of_its_own(error: type[ServiceError]) -> None:
    codes = [other.code for other in ALL]

    assert re.fullmatch("[a-z_]+", error.code)
    assert codes.count(error.code) == 1


@pytest.mark.parametrize(
    ("family", "retryable"),
    [
        pytest.param(errors.RequestError, {"WaitTimedOut", "NoPlaceToWait"}, id="of requests, waits in vain"),
        pytest.param(errors.DependencyError, {*map(name_of, descendants(errors.DependencyError))}, id="every outage"),
        pytest.param(errors.ModelError, set(), id="no model error"),
    ],
)
def test_only_what_may_mend_itself_is_worth_retrying(family: type[ServiceError], retryable: set[str]) -> None:
    assert {error.__name__ for error in descendants(family) if error.retryable} == retryable


def test_an_error_without_a_detail_says_when_it_is_raised() -> None:
    assert str(errors.BrokerUnavailable()) == "Raised when a message cannot be put on its queue."


def test_an_error_says_its_detail() -> None:
    error = errors.BrokerUnavailable("The broker does not answer.")

    assert (str(error), error.detail) == ("The broker does not answer.", "The broker does not answer.")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        pytest.param(1, "/input/0: send a number", id="one"),
        pytest.param(3, "/input/0: send a number (and 2 more)", id="several"),
    ],
)
def test_invalid_input_tells_its_first_error_and_how_many_more(count: int, text: str) -> None:
    notes = [FieldNote(f"/input/{number}", "not_a_number", "send a number") for number in range(count)]

    error = InputInvalid(notes)

    assert str(error) == text
    assert error.errors == tuple(notes)


def test_a_field_note_is_written_as_three_texts() -> None:
    note = FieldNote("/input", errors.FieldErrorCode.WRONG_TYPE, "send an object")

    assert note.to_dict() == {"pointer": "/input", "code": "wrong_type", "detail": "send an object"}
