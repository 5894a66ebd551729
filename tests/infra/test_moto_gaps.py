"""A gap in moto that has moved or closed is noticed when the server starts."""

import pytest

from tests.infra.moto_gaps import GapMoved, add, replace, replace_property

pytestmark = pytest.mark.infra


class Queue:
    """What moto may look like one day."""

    @property
    def name(self) -> str:
        return "one"

    def send(self) -> str:
        return "sent"


def send() -> None:
    """What moto has learned meanwhile."""


def test_a_name_that_moto_no_longer_has_cannot_be_replaced() -> None:
    with pytest.raises(GapMoved, match=r"moto has no Queue\.receive any more"):
        replace(Queue, "receive")


def test_a_property_that_became_something_else_cannot_be_replaced() -> None:
    with pytest.raises(GapMoved, match=r"moto has no property Queue\.send any more"):
        replace_property(Queue, "send")


def test_an_action_that_moto_has_learned_cannot_be_added() -> None:
    with pytest.raises(GapMoved, match=r"moto has Queue\.send by now"):
        add(Queue)(send)


def test_what_replaces_a_function_is_called_with_the_old_one() -> None:
    class Copy(Queue): ...

    replace(Copy, "send")(lambda old, self: f"{old(self)} twice")

    assert Copy().send() == "sent twice"
