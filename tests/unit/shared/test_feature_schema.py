import math
from typing import Any

import pytest

from shared.errors import FieldErrorCode, FieldNote, FieldWarningCode
from shared.feature_schema import FeatureSchema, escape_pointer, suggest
from shared.manifest import Feature
from tests.builders import HEIGHT, SHOE_SIZE, manifest, record

CHILDREN = Feature(name="children", type="integer", minimum=0, maximum=20, example=2)
COLOUR = Feature(name="colour", type="category", categories=("red", "blue"), example="red")
NOTE = Feature(name="note", type="text", maximum_length=5, example="hello")
UNBOUNDED = Feature(name="x", example=1)


def schema(*features: Feature) -> FeatureSchema:
    return FeatureSchema(manifest(features=features or (HEIGHT, SHOE_SIZE)))


def errors_of(record: object, *features: Feature) -> list[FieldNote]:
    _row, errors, _warnings = schema(*features).check(record, "/input")
    return errors


def test_a_good_record_becomes_a_row_in_the_order_of_the_features() -> None:
    checked = schema().check({"shoe_size": 44, "height": 181.5}, "/input")

    assert checked == ([181.5, 44], [], [])


@pytest.mark.parametrize("height", [100, 250], ids=["lowest", "highest"])
def test_both_ends_of_the_hard_range_are_accepted(height: int) -> None:
    assert errors_of(record(height=height)) == []


@pytest.mark.parametrize(
    ("value", "code", "detail"),
    [
        pytest.param(None, FieldErrorCode.MISSING_VALUE, "send height in cm, such as 181", id="null"),
        pytest.param(True, FieldErrorCode.NOT_A_NUMBER, "send a number, not true or false", id="boolean"),
        pytest.param(
            "181", FieldErrorCode.NOT_A_NUMBER, "send a number, not a string; send 181 without quotes", id="quoted"
        ),
        pytest.param("tall", FieldErrorCode.NOT_A_NUMBER, "send a number, not a string", id="word"),
        pytest.param("", FieldErrorCode.NOT_A_NUMBER, "send a number, not a string", id="empty string"),
        pytest.param("nan", FieldErrorCode.NOT_A_NUMBER, "send a number, not a string", id="quoted NaN"),
        pytest.param("inf", FieldErrorCode.NOT_A_NUMBER, "send a number, not a string", id="quoted infinity"),
        pytest.param([181], FieldErrorCode.NOT_A_NUMBER, "send a number, not an array", id="array"),
        pytest.param({"cm": 181}, FieldErrorCode.NOT_A_NUMBER, "send a number, not an object", id="object"),
        pytest.param(99, FieldErrorCode.OUT_OF_RANGE, "99 is outside 100 to 250 cm", id="too low"),
        pytest.param(1000, FieldErrorCode.OUT_OF_RANGE, "1000 is outside 100 to 250 cm", id="too high"),
        pytest.param(
            1.81,
            FieldErrorCode.OUT_OF_RANGE,
            "1.81 is outside 100 to 250 cm; looks like metres; send centimetres (181)",
            id="metres",
        ),
        pytest.param(
            10**400,
            FieldErrorCode.NOT_A_NUMBER,
            "send a finite number that fits 64 bits",
            id="huge integer",
        ),
    ],
)
def test_a_refused_number_says_how_to_mend_it(value: object, code: FieldErrorCode, detail: str) -> None:
    assert errors_of(record(height=value)) == [FieldNote("/input/height", code, detail)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, -(10**400)])
def test_what_no_float_can_hold_is_refused_without_any_range(value: float) -> None:
    errors = errors_of({"x": value}, UNBOUNDED)

    assert [error.pointer for error in errors] == ["/input/x"]


def test_a_unit_that_does_not_convert_is_named_without_a_value() -> None:
    (error,) = errors_of(record(shoe_size=10))

    assert error.detail == "10 is outside 30 to 55 EU; looks like a US size; send the EU size"


def test_a_converted_value_that_would_be_refused_too_is_not_offered() -> None:
    beyond = HEIGHT.model_copy(update={"maximum": 250.0, "minimum": 190.0, "typical_minimum": None})

    (error,) = errors_of({"height": 1.81}, beyond)

    assert error.detail == "1.81 is outside 190 to 250 cm; looks like metres; send centimetres"


@pytest.mark.parametrize(
    ("minimum", "maximum", "value", "detail"),
    [
        pytest.param(0, None, -1, "-1 is outside at least 0", id="only a minimum"),
        pytest.param(None, 5, 6, "6 is outside at most 5", id="only a maximum"),
    ],
)
def test_a_range_open_on_one_side_is_told_as_such(
    minimum: float | None, maximum: float | None, value: float, detail: str
) -> None:
    (error,) = errors_of({"x": value}, Feature(name="x", minimum=minimum, maximum=maximum, example=1))

    assert error.detail == detail


def test_an_absent_field_is_a_missing_value() -> None:
    assert errors_of({"height": 181}) == [
        FieldNote("/input/shoe_size", FieldErrorCode.MISSING_VALUE, "send shoe_size in EU, such as 44")
    ]


@pytest.mark.parametrize("value", [2, 2.0], ids=["integer", "without a fraction"])
def test_a_whole_number_is_accepted_for_an_integer_feature(value: float) -> None:
    assert errors_of({"children": value}, CHILDREN) == []


def test_a_fraction_is_refused_for_an_integer_feature() -> None:
    assert errors_of({"children": 1.5}, CHILDREN) == [
        FieldNote("/input/children", FieldErrorCode.NOT_AN_INTEGER, "send a whole number, not 1.5")
    ]


@pytest.mark.parametrize(
    ("value", "code", "detail"),
    [
        pytest.param(
            "Red", FieldErrorCode.NOT_A_CATEGORY, "'Red' is none of the categories: red, blue", id="other case"
        ),
        pytest.param(1, FieldErrorCode.NOT_TEXT, "send a string, not a number", id="number"),
        pytest.param(False, FieldErrorCode.NOT_TEXT, "send a string, not true or false", id="boolean"),
        pytest.param(["red"], FieldErrorCode.NOT_TEXT, "send a string, not an array", id="array"),
        pytest.param(None, FieldErrorCode.MISSING_VALUE, 'send colour, such as "red"', id="null"),
    ],
)
def test_a_refused_category_says_how_to_mend_it(value: object, code: FieldErrorCode, detail: str) -> None:
    assert errors_of({"colour": value}, COLOUR) == [FieldNote("/input/colour", code, detail)]


@pytest.mark.parametrize(
    ("feature", "value"),
    [pytest.param(COLOUR, "blue", id="category"), pytest.param(NOTE, "12345", id="text of the greatest length")],
)
def test_strings_go_into_the_row_as_they_are(feature: Feature, value: str) -> None:
    assert schema(feature).check({feature.name: value}, "/input") == ([value], [], [])


def test_a_text_that_is_too_long_is_refused() -> None:
    assert errors_of({"note": "123456"}, NOTE) == [
        FieldNote("/input/note", FieldErrorCode.OUT_OF_RANGE, "6 characters, at most 5")
    ]


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        pytest.param("hight", "the model has no feature 'hight'; did you mean 'height'?", id="misspelled"),
        pytest.param("Shoe Size", "the model has no feature 'Shoe Size'; did you mean 'shoe_size'?", id="spelled out"),
        pytest.param("zzz", "the model has no feature 'zzz'; it has height, shoe_size", id="nothing near"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_name(name: str, detail: str) -> None:
    unknown = {name: 1}

    assert errors_of(record() | unknown) == [FieldNote(f"/input/{name}", FieldErrorCode.UNKNOWN_FIELD, detail)]


def test_a_misspelled_field_is_missing_and_unknown_at_once() -> None:
    errors = errors_of({"hight": 181, "shoe_size": 44})

    assert [(error.pointer, error.code) for error in errors] == [
        ("/input/height", FieldErrorCode.MISSING_VALUE),
        ("/input/hight", FieldErrorCode.UNKNOWN_FIELD),
    ]


def test_every_bad_field_of_a_record_is_named() -> None:
    errors = errors_of({"height": True, "shoe_size": 99, "age": 40})

    assert [(error.pointer, error.code) for error in errors] == [
        ("/input/height", FieldErrorCode.NOT_A_NUMBER),
        ("/input/shoe_size", FieldErrorCode.OUT_OF_RANGE),
        ("/input/age", FieldErrorCode.UNKNOWN_FIELD),
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [([181, 44], "an array"), ("181", "a string"), (None, "null"), (True, "true or false"), (181, "a number")],
)
def test_a_record_that_is_no_object_is_refused_with_an_example(value: object, kind: str) -> None:
    assert errors_of(value) == [
        FieldNote(
            "/input",
            FieldErrorCode.WRONG_TYPE,
            f'a record is an object such as {{"height": 181, "shoe_size": 44}}, not {kind}',
        )
    ]


@pytest.mark.parametrize(
    ("name", "token"),
    [("height", "height"), ("a/b", "a~1b"), ("a~b", "a~0b"), ("~1", "~01"), ("~/", "~0~1")],
)
def test_pointers_escape_what_rfc_6901_reserves(name: str, token: str) -> None:
    assert escape_pointer(name) == token


def test_the_pointer_of_a_field_is_escaped() -> None:
    odd = Feature(name="m/f~x", example=1)

    (missing, unknown) = errors_of({"u/v": 1}, odd)

    assert (missing.pointer, unknown.pointer) == ("/input/m~1f~0x", "/input/u~1v")


def test_an_untypical_value_is_accepted_with_a_warning() -> None:
    checked = schema().check(record(height=210), "/input/3")

    detail = "210 is unusual; the model has seen little outside 145 to 200 cm, so check the value and its unit"
    warning = FieldNote("/input/3/height", FieldWarningCode.UNTYPICAL, detail)
    assert checked == ([210, 44], [], [warning])


@pytest.mark.parametrize("height", [145, 200], ids=["lowest", "highest"])
def test_both_ends_of_the_typical_range_give_no_warning(height: int) -> None:
    _row, _errors, warnings = schema().check(record(height=height), "/input")

    assert warnings == []


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        pytest.param("gendr", {"gender", "churn"}, "; did you mean 'gender'?", id="near"),
        pytest.param("xyz", {"gender", "churn"}, "; it has churn, gender", id="nothing near"),
    ],
)
def test_a_hint_names_the_nearest_or_all(name: str, known: set[str], hint: str) -> None:
    assert suggest(name, known) == hint


@pytest.mark.parametrize("fields", [{}, {"height": 181}, {"height": 181, "shoe_size": 44, "age": 1}])
def test_a_record_with_other_fields_than_the_features_is_never_accepted(fields: dict[str, Any]) -> None:
    assert errors_of(fields) != []
