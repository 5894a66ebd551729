"""How large a message gets."""

from typing import Any

import pytest

from tests.unit.api.gathering.conftest import MOST_BYTES, MOST_ROWS, Process

Size = dict[str, Any]


@pytest.mark.parametrize("size", [{"rows": MOST_ROWS // 2}, {"size_bytes": MOST_BYTES // 2}], ids=["rows", "bytes"])
def test_a_full_message_leaves_though_the_workers_have_enough_to_do(busy: Process, size: Size) -> None:
    busy.gather("a", **size)
    before = busy.messages()
    busy.gather("b", **size)

    assert (before, busy.messages()) == ([], [["a", "b"]])


@pytest.mark.parametrize("size", [{"rows": MOST_ROWS // 5}, {"size_bytes": MOST_BYTES // 5}], ids=["rows", "bytes"])
def test_a_message_may_be_full_to_the_last(process: Process, size: Size) -> None:
    process.gather("a", "b", "c", "d", "e", "f", **size)

    assert process.step()[1] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("size", [{"rows": 6}, {"size_bytes": 600}], ids=["rows", "bytes"])
def test_a_small_job_does_not_overtake_one_that_does_not_fit(process: Process, size: Size) -> None:
    process.live_workers = 9
    process.gather("a", **size)
    process.gather("b", **size)
    process.gather("small")

    assert process.messages() == [["a"], ["b", "small"]]


@pytest.mark.parametrize("size", [{"rows": MOST_ROWS + 1}, {"size_bytes": MOST_BYTES + 1}], ids=["rows", "bytes"])
def test_a_job_larger_than_a_message_leaves_alone(process: Process, size: Size) -> None:
    process.live_workers = 9
    process.gather("a")
    process.gather("large", **size)
    process.gather("b")

    assert process.messages() == [["a"], ["large"], ["b"]]


def test_what_has_left_does_not_count_towards_the_next_message(busy: Process) -> None:
    busy.gather("full", rows=MOST_ROWS)
    busy.step()

    busy.gather("a", rows=MOST_ROWS - 1)

    assert busy.messages() == []
