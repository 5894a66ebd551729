"""A value: nobody changes it, and it is equal to another with the same fields."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.values import value

if TYPE_CHECKING:
    from shared.jobs import JobSpec

    def spoil(spec: JobSpec) -> None:
        """What was accepted never changes: `make types` fails if this were allowed, for then nothing is ignored."""
        spec.is_single = False  # type: ignore[misc]


@value
class Point:
    x: int
    y: int = 0


def test_values_are_equal_by_their_fields() -> None:
    assert {Point(1), Point(1, 0), Point(2)} == {Point(2), Point(1)}


def test_a_changed_copy_leaves_the_value_as_it_was() -> None:
    point = Point(1)

    assert (replace(point, y=5), point) == (Point(1, 5), Point(1))


def test_a_value_takes_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        Point(1).z = 3  # type: ignore[attr-defined]  # The point of the test.
