"""What is there to stay is not searched for garbage."""

import gc
from collections.abc import Iterator

import pytest

from shared.garbage import freeze_objects


@pytest.fixture
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_what_exists_when_a_process_has_come_up_is_left_out_of_the_search_for_garbage() -> None:
    existing: list[object] = [[]]

    freeze_objects()

    assert not any(one is existing for one in gc.get_objects())
