"""A key that was just looked up goes past Flask; any other goes to Flask, which looks it up, and answers alike."""

import orjson
import pytest

from api.callers import Scope
from shared.jobs import Outcome
from tests.builders import failure, success
from tests.unit.api.express.conftest import JSON, PREDICT, SUBMIT, Asked, Pair, PairMaker, good_input

each_path = pytest.mark.parametrize("path", [SUBMIT, PREDICT], ids=["submit", "predict"])


@pytest.fixture
def pair(make_pair: PairMaker) -> Pair:
    """Two processes that ask for keys, and know the same ones."""
    return make_pair(require_keys=True)


def asked_with(path: str, key: str | None) -> Asked:
    headers = JSON if key is None else JSON | {"Authorization": f"Bearer {key}"}
    return Asked(path, orjson.dumps(good_input(path)), headers | {"Prefer": "wait=5"})


def key_for(pair: Pair, *scopes: Scope, owner: str | None = None) -> str:
    return pair.fast.keys.create("for a test", scopes=scopes, owner=owner)[1]


@each_path
def test_a_key_reaches_flask_once(pair: Pair, path: str) -> None:
    pair.set_up(outcome=success())
    asked = asked_with(path, key_for(pair, Scope.PREDICT))
    pair.ask_fast(asked)
    assert pair.reached_flask == 1

    answer = pair.ask_fast(asked)

    assert (answer.status, answer.jobs, pair.reached_flask) == (200, 1, 1)


@each_path
@pytest.mark.parametrize("outcome", [success(), failure(), None], ids=["succeeding", "failing", "no worker"])
def test_a_known_key_is_answered_as_flask_answers_it(pair: Pair, path: str, outcome: Outcome | None) -> None:
    pair.set_up(outcome=outcome)
    asked = asked_with(path, key_for(pair, Scope.PREDICT))
    pair.ask_both(asked)

    fast, plain = pair.ask_both(asked)

    assert fast == plain


@each_path
@pytest.mark.parametrize("key", [None, "", f"rck_{'a' * 16}_{'a' * 64}"], ids=["none", "empty", "unknown"])
def test_nothing_is_accepted_without_a_valid_key(pair: Pair, path: str, key: str | None) -> None:
    fast, plain = pair.ask_both(asked_with(path, key))

    assert fast == plain
    assert (fast.status, fast.jobs) == (401, 0)


@each_path
def test_nothing_is_accepted_with_a_key_for_something_else(pair: Pair, path: str) -> None:
    asked = asked_with(path, key_for(pair, Scope.BATCH, Scope.ADMIN))
    pair.ask_both(asked)

    fast, plain = pair.ask_both(asked)

    assert fast == plain
    assert (fast.status, fast.jobs) == (403, 0)


def test_a_job_belongs_to_the_owner_of_its_key_by_either_way(pair: Pair) -> None:
    asked = asked_with(SUBMIT, key_for(pair, Scope.PREDICT, owner="ada"))
    answers = [pair.server.request("POST", SUBMIT, asked.body, headers=asked.headers) for _ in range(2)]

    jobs = [pair.fast.jobs.find(orjson.loads(answer.body)["id"]) for answer in answers]

    assert [job and job.spec.owner for job in jobs] == ["ada", "ada"]
    assert pair.reached_flask == 1
