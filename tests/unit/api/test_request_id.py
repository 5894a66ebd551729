"""The name of a request, in its answer and in the log."""

import re

import pytest

from api.request_id import choose_request_id


@pytest.mark.parametrize("given", ["7", "Order.7_a-b", "x" * 128])
def test_a_client_may_name_its_request(given: str) -> None:
    assert choose_request_id(given) == given


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("x" * 129, id="too long"),
        pytest.param("order 7", id="a space"),
        pytest.param("a,b", id="two joined"),
        pytest.param("order7\n", id="the end of a line"),
        pytest.param("größe", id="no ASCII"),
    ],
)
def test_a_request_without_a_usable_name_gets_a_fresh_one(given: str | None) -> None:
    names = {choose_request_id(given) for _ in range(3)}

    assert len(names) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in names)
