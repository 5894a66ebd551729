"""A row about which there is nothing to say takes a shorter way, which must lead to the same."""

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.feature_schema import FeatureSchema
from shared.manifest import Feature
from tests.builders import manifest

SCHEMA = FeatureSchema(
    manifest(
        features=[
            Feature(name="height", minimum=100.0, typical_minimum=150.0, typical_maximum=190.0, example=170.0),
            Feature(name="weight", maximum=250.0, example=70.0),
            Feature(name="free", example=0.0),
        ],
    )
)
NUMBERS = (
    st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from([100, 100.0, 149.999, 150, 190, 190.0, 250, 251, True, None, "170", 10**400, -(10**400)])
    | st.integers(-300, 300)
)


@given(st.fixed_dictionaries({}, optional={"height": NUMBERS, "weight": NUMBERS, "free": NUMBERS, "other": NUMBERS}))
def test_the_short_way_says_what_the_long_one_does(record: dict[str, Any]) -> None:
    short = SCHEMA.check(record, "/input")
    with patch.object(SCHEMA, "_plain", [None] * 3):
        long = SCHEMA.check(record, "/input")

    assert repr(short) == repr(long)


@pytest.mark.parametrize("record", [{"height": 170, "weight": 70.5, "free": -1e300}])
def test_a_good_row_takes_it(record: dict[str, Any]) -> None:
    with patch("shared.feature_schema._find_problem") as looked:
        row, errors, warnings = SCHEMA.check(record, "")

    assert (row, errors, warnings, looked.called) == ([170, 70.5, -1e300], [], [], False)
