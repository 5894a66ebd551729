"""What an API process knows of the buckets of its callers, by a clock that a test moves."""

import pytest

from api.rate_limits import KNOWN_BUCKETS, RateLimits
from api.refusals import RateLimited
from shared.rates import Rate
from tests.unit.api.conftest import Clock

#: Two requests per second, twenty at once: empty, it has a debt of ten seconds.
ADA = Rate("ada", 2.0)
BOB = Rate("bob", 2.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> RateLimits:
    return RateLimits(clock)


def test_a_bucket_that_was_never_seen_is_left_to_the_store(rates: RateLimits) -> None:
    rates.require(ADA)

    assert rates.headers(ADA)["RateLimit"] == '"default";r=20;t=0'


def test_a_bucket_that_was_seen_empty_has_nothing_before_its_time(rates: RateLimits, clock: Clock) -> None:
    rates.note(ADA, 10.0)
    clock.now += 0.4

    with pytest.raises(RateLimited) as refused:
        rates.require(ADA)
    assert refused.value.retry_after_seconds == 1


def test_and_is_left_to_the_store_from_then_on(rates: RateLimits, clock: Clock) -> None:
    rates.note(ADA, 10.0)
    clock.now += 0.5

    rates.require(ADA)


def test_one_key_has_nothing_to_do_with_another(rates: RateLimits) -> None:
    rates.note(ADA, 10.0)

    rates.require(BOB)
    assert rates.headers(BOB)["RateLimit"] == '"default";r=20;t=0'


def test_an_answer_of_the_store_that_comes_late_makes_nothing_of_a_later_one(rates: RateLimits) -> None:
    rates.note(ADA, 10.0)
    rates.note(ADA, 9.5)

    with pytest.raises(RateLimited):
        rates.require(ADA)


def test_who_has_to_wait_for_long_is_told_so(rates: RateLimits) -> None:
    slow = Rate("ada", 0.01)
    rates.note(slow, 100.0)

    assert rates.refusal(slow).retry_after_seconds == 100


@pytest.mark.parametrize(
    ("rate", "debt_seconds", "policy", "state"),
    [
        (ADA, 0.5, '"default";q=20;w=10', '"default";r=19;t=1'),
        (ADA, 5.2, '"default";q=20;w=10', '"default";r=9;t=6'),
        (ADA, 10.0, '"default";q=20;w=10', '"default";r=0;t=1'),
        (Rate("ada", 0.01), 70.0, '"default";q=1;w=100', '"default";r=0;t=70'),
        (Rate("ada", 0.15), 0.0, '"default";q=1;w=7', '"default";r=1;t=0'),
    ],
    ids=["one taken", "half empty: until it is full", "empty: until there is one", "a slow one", "rounded up"],
)
def test_the_headers_tell_how_the_bucket_stands(
    rates: RateLimits, rate: Rate, debt_seconds: float, policy: str, state: str
) -> None:
    rates.note(rate, debt_seconds)

    assert rates.headers(rate) == {"RateLimit-Policy": policy, "RateLimit": state}


def test_the_headers_go_on_with_the_clock(rates: RateLimits, clock: Clock) -> None:
    rates.note(ADA, 10.0)
    clock.now += 4.0

    assert rates.headers(ADA)["RateLimit"] == '"default";r=8;t=6'


def test_no_more_buckets_are_known_than_there_is_room_for(rates: RateLimits) -> None:
    rates.note(ADA, 10.0)
    for number in range(KNOWN_BUCKETS):
        rates.note(Rate(str(number), 2.0), 10.0)

    # It is left to the store again.
    rates.require(ADA)
