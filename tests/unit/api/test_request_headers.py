"""What the spellings of Prefer and Cancel-After mean."""

import pytest
from werkzeug.datastructures import Headers

from api.request_headers import WaitPreference, find_wait, read_deadline_seconds
from shared.errors import RequestMalformed
from shared.settings import Settings

SETTINGS = Settings(default_wait_seconds=10.0, max_wait_seconds=55.0, deadline_seconds=86_400.0)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        pytest.param("wait=20", 20.0, id="seconds"),
        pytest.param("wait", 10.0, id="without a number, the default"),
        pytest.param("wait=55", 55.0, id="the longest wait"),
        pytest.param("wait=56", 55.0, id="longer is cut"),
        pytest.param("wait=999999999", 55.0, id="much longer is cut"),
        pytest.param('wait="20"', 20.0, id="quoted"),
        pytest.param("WAIT=20", 20.0, id="upper case"),
        pytest.param("wait = 20", 20.0, id="spaces"),
        pytest.param("  wait=20  ", 20.0, id="spaces around"),
        pytest.param("respond-async, wait=20", 20.0, id="after another preference"),
        pytest.param("wait=20, respond-async", 20.0, id="before another preference"),
        pytest.param("respond-async,wait=20,return=minimal", 20.0, id="between others"),
        pytest.param("wait=20; foo=bar", 20.0, id="with a parameter"),
        pytest.param("wait=20, wait=5", 20.0, id="the first of two"),
    ],
)
def test_a_preference_to_wait_is_understood(prefer: str, seconds: float) -> None:
    assert find_wait(Headers({"Prefer": prefer}), SETTINGS) == WaitPreference(seconds)


@pytest.mark.parametrize(
    "prefer",
    [
        pytest.param("", id="empty"),
        pytest.param("respond-async", id="another preference"),
        pytest.param("await=20", id="the end of another name"),
        pytest.param("waiting=20", id="the start of another name"),
        pytest.param("wait-a-bit", id="the start of a longer name"),
        pytest.param("foo; wait=20", id="a parameter of another preference"),
        pytest.param("foo=wait", id="a value of another preference"),
        pytest.param("wait=0", id="nothing to wait for"),
        pytest.param("wait=-1", id="negative"),
        pytest.param("wait=2.5", id="a fraction"),
        pytest.param("wait=soon", id="a word"),
        pytest.param("wait 20", id="no equals sign"),
        pytest.param("wait=\u00b2", id="a raised digit"),
    ],
)
def test_a_preference_that_is_not_understood_is_ignored(prefer: str) -> None:
    assert find_wait(Headers({"Prefer": prefer}), SETTINGS) is None


def test_without_prefer_nobody_waits() -> None:
    assert find_wait(Headers(), SETTINGS) is None


@pytest.mark.parametrize(
    ("seconds", "applied"), [(20.0, "wait=20"), (0.5, "wait=0.5")], ids=["whole seconds", "a fraction of a second"]
)
def test_a_granted_wait_is_spelled_as_the_client_spells_it(seconds: float, applied: str) -> None:
    assert WaitPreference(seconds).applied == applied


@pytest.mark.parametrize(
    ("cancel_after", "seconds"),
    [
        pytest.param("90", 90.0, id="seconds without a unit"),
        pytest.param("90s", 90.0, id="seconds"),
        pytest.param("5m", 300.0, id="minutes"),
        pytest.param("2h", 7_200.0, id="hours"),
        pytest.param(" 90s ", 90.0, id="spaces around"),
        pytest.param("24h", 86_400.0, id="the longest"),
        pytest.param("48h", 86_400.0, id="longer is cut"),
        pytest.param("9999999h", 86_400.0, id="much longer is cut"),
    ],
)
def test_a_deadline_is_a_number_and_a_unit(cancel_after: str, seconds: float) -> None:
    assert read_deadline_seconds(Headers({"Cancel-After": cancel_after}), SETTINGS) == seconds


def test_without_cancel_after_the_deadline_is_that_of_the_settings() -> None:
    assert read_deadline_seconds(Headers(), SETTINGS) == 86_400.0


@pytest.mark.parametrize(
    "cancel_after", ["", "0", "0s", "-5", "+5", "1.5h", "090", "5d", "90S", "s", "soon", "1h30m", "12345678", "5m, 6m"]
)
def test_a_deadline_that_is_not_understood_is_refused(cancel_after: str) -> None:
    with pytest.raises(RequestMalformed, match="such as 90s or 5m"):
        read_deadline_seconds(Headers({"Cancel-After": cancel_after}), SETTINGS)
