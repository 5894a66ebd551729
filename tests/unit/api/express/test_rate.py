"""A caller with a rate goes past Flask as any other, and is refused as Flask refuses it."""

import orjson
import pytest

from tests.builders import success
from tests.unit.api.express.conftest import JSON, PREDICT, SUBMIT, Asked, PairMaker, good_input

each_path = pytest.mark.parametrize("path", [SUBMIT, PREDICT], ids=["submit", "predict"])


def asked(path: str) -> Asked:
    return Asked(path, orjson.dumps(good_input(path)), JSON | {"Prefer": "wait=5"})


@each_path
def test_what_the_rate_allows_is_answered_as_flask_answers_it(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(rate_limit=0.1)
    pair.set_up(outcome=success())

    fast, plain = pair.ask_both(asked(path))

    assert fast == plain
    assert (fast.status, pair.reached_flask) == (200, 0)
    assert ("ratelimit-policy", '"default";q=1;w=10') in fast.headers
    assert ("ratelimit", '"default";r=0;t=10') in fast.headers


@each_path
def test_what_goes_beyond_is_refused_as_flask_refuses_it(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(rate_limit=0.1)
    pair.ask_both(asked(path))

    fast, plain = pair.ask_both(asked(path))

    assert fast == plain
    assert (fast.status, "rate_limited" in fast.body) == (429, True)


@each_path
def test_the_store_is_not_asked_for_what_it_would_refuse(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(rate_limit=0.1)
    pair.ask_both(asked(path))

    answers = [pair.ask_fast(asked(path)) for _ in range(5)]

    assert [(answer.status, answer.jobs) for answer in answers] == [(429, 0)] * 5


@each_path
def test_the_store_is_asked_whether_an_idempotency_key_stands_for_something(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(rate_limit=0.1)
    pair.set_up(outcome=success())
    once = Asked(path, orjson.dumps(good_input(path)), JSON | {"Idempotency-Key": "order-4711"})
    pair.ask_both(once)

    fast, plain = pair.ask_both(once)

    assert fast == plain
    assert (fast.jobs, ("idempotency-replayed", "true") in fast.headers) == (1, True)


@each_path
def test_who_is_refused_takes_no_place_of_those_who_wait(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(rate_limit=0.1, max_waiters=1)
    pair.set_up(outcome=success())
    pair.ask_fast(asked(path))

    refused = [pair.ask_fast(asked(path)).status for _ in range(3)]

    with pair.fast.waiters.room() as has_room:
        assert (refused, has_room) == ([429] * 3, True)
