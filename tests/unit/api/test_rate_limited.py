"""Who asks for more than its rate allows is refused on every way in, and told when to come back."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.access import SCOPES
from api.callers import Scope
from api.rate_limits import COUNTED
from tests.builders import failure, record, success
from tests.unit.api.batches.conftest import CSV
from tests.unit.api.conftest import Api, ApiMaker, document_of
from tests.unit.api.routes import rules

#: One request in ten seconds, and one at once.
SLOW = 0.1
FILE: dict[str, Any] = {"data": CSV, "content_type": "text/csv"}
TENSORS = [{"name": name, "shape": [1], "datatype": "FP64", "data": [value]} for name, value in record().items()]

WAYS_IN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "submit": ("POST", "/v1/predictions", {"json": {"input": record()}}),
    "submit and wait": ("POST", "/v1/predictions", {"json": {"input": record()}, "headers": {"Prefer": "wait=5"}}),
    "submit with a key": (
        "POST",
        "/v1/predictions",
        {"json": {"input": record()}, "headers": {"Idempotency-Key": "order-4711"}},
    ),
    "an id of one's own": ("PUT", "/v1/predictions/order-4711", {"json": {"input": record()}}),
    "predict": ("POST", "/v1/models/gender/predict", {"json": record()}),
    "open inference": ("POST", "/v2/models/gender/infer", {"json": {"inputs": TENSORS}}),
    "a version of it": ("POST", "/v2/models/gender/versions/1/infer", {"json": {"inputs": TENSORS}}),
    "mlflow": ("POST", "/invocations", {"json": {"instances": [record()]}}),
    "sagemaker": ("POST", "/endpoints/gender/invocations", {"json": record()}),
}
#: The store of files is a real one here, and the one of jobs is not, so each has buckets of its own.
FILES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a file": ("POST", "/v1/batches", FILE),
    "a file with a key": ("POST", "/v1/batches", FILE | {"headers": {"Idempotency-Key": "order-4711"}}),
}

#: Routes that change a job and give the workers nothing to predict, as Flask names them.
FREE = {
    "predictions.cancel_prediction",
    "batches.cancel_batch",
    "prediction_webhooks.redeliver_prediction",
    "batch_webhooks.redeliver_batch",
}


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    """An API process that asks for no keys, and accepts one request."""
    return make_api(rate_limit=SLOW)


def ask(api: Api, way_in: str) -> TestResponse:
    method, path, options = (WAYS_IN | FILES)[way_in]
    return api.client.open(path, method=method, **options)


each_way = pytest.mark.parametrize(
    ("way_in", "another"), [*((way, "submit") for way in WAYS_IN), *((way, "a file") for way in FILES)]
)


@each_way
def test_what_goes_beyond_the_rate_is_told_when_to_come_back(api: Api, way_in: str, another: str) -> None:
    ask(api, another)

    answer = ask(api, way_in)

    document = document_of(answer)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert (document["code"], document["retryable"]) == ("rate_limited", True)
    assert answer.headers["RateLimit-Policy"] == '"default";q=1;w=10'
    assert answer.headers["RateLimit"] == '"default";r=0;t=10'


@pytest.mark.parametrize("way_in", WAYS_IN)
def test_every_way_in_counts(api: Api, way_in: str) -> None:
    api.broker.outcome = success()

    first = ask(api, way_in)
    second = api.submit()

    assert (first.status_code in (200, 202), second.status_code) == (True, 429)
    assert first.headers["RateLimit"] == '"default";r=0;t=10'


@pytest.mark.parametrize("way_in", FILES)
def test_a_file_counts(api: Api, way_in: str) -> None:
    first = ask(api, way_in)
    second = ask(api, "a file")

    assert (first.status_code, second.status_code) == (202, 429)
    assert first.headers["RateLimit"] == '"default";r=0;t=10'


def test_every_route_that_takes_something_counts_or_is_known_to_make_no_work() -> None:
    takes_jobs = {blueprint for blueprint, scope in SCOPES.items() if scope in {Scope.PREDICT, Scope.BATCH}}

    taking = {rule.endpoint for rule in rules() if {"POST", "PUT"} & (rule.methods or set())}

    assert {name for name in taking if name.partition(".")[0] in takes_jobs} == COUNTED | FREE


def test_nothing_is_kept_or_sent_of_what_was_refused(api: Api) -> None:
    accepted = document_of(api.submit())["id"]

    api.submit()

    assert [job["id"] for job in document_of(api.client.get("/v1/predictions"))["data"]] == [accepted]
    assert [spec.id for specs in api.broker.sent for spec in specs] == [accepted]


def test_what_is_refused_for_another_reason_does_not_count(api: Api) -> None:
    refused = api.submit({"height": 1})

    assert (refused.status_code, api.submit().status_code) == (422, 202)
    assert "RateLimit" not in refused.headers


@pytest.mark.parametrize("what", ["", "/events"], ids=["read", "events"])
def test_to_look_is_not_limited(api: Api, what: str) -> None:
    path = api.submit_and_finish(success())

    assert [api.client.get(path + what).status_code for _ in range(20)] == [200] * 20


def test_to_cancel_and_to_delete_is_not_limited(api: Api) -> None:
    path = f"/v1/predictions/{document_of(api.submit())['id']}"

    canceled = api.client.post(f"{path}/cancel")

    assert (canceled.status_code, api.client.delete(path).status_code) == (200, 204)


def test_a_dry_run_is_not_limited(api: Api) -> None:
    ask(api, "a file")

    assert api.client.post("/v1/batches?dry_run=true", **FILE).status_code == 200


def test_to_try_again_counts(make_api: ApiMaker) -> None:
    # Two at once.
    api = make_api(rate_limit=0.2)
    paths = [api.submit_and_finish(failure()), api.submit_and_finish(failure())]

    refused = api.client.post(f"{paths[0]}/retry")

    assert (refused.status_code, document_of(refused)["code"], refused.headers["Retry-After"]) == (
        429,
        "rate_limited",
        "5",
    )
    assert document_of(api.client.get(paths[0]))["status"] == "failed"


@pytest.mark.parametrize("way_in", ["submit with a key", "an id of one's own"])
def test_what_was_accepted_before_is_answered_when_nothing_is_left(api: Api, way_in: str) -> None:
    first = ask(api, way_in)

    replayed = ask(api, way_in)

    assert replayed.status_code in (200, 202)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert document_of(replayed)["id"] == document_of(first)["id"]


def test_a_file_that_was_accepted_before_is_answered_when_nothing_is_left(api: Api) -> None:
    first = ask(api, "a file with a key")

    replayed = ask(api, "a file with a key")

    assert (replayed.status_code, replayed.headers["Idempotency-Replayed"]) == (202, "true")
    assert document_of(replayed)["id"] == document_of(first)["id"]


def test_who_comes_back_after_that_time_is_accepted(make_api: ApiMaker) -> None:
    api = make_api(rate_limit=SLOW)
    api.submit()
    refused = api.submit(headers={"Idempotency-Key": "order-4711"})

    api.jobs.let_time_pass(float(refused.headers["Retry-After"]))

    assert api.submit(headers={"Idempotency-Key": "order-4711"}).status_code == 202


def test_an_answer_says_what_is_left(make_api: ApiMaker) -> None:
    api = make_api(rate_limit=5)

    answers = [api.submit() for _ in range(3)]

    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"default";q=50;w=10'] * 3
    assert [answer.headers["RateLimit"].partition(";t")[0] for answer in answers] == [
        '"default";r=49',
        '"default";r=48',
        '"default";r=47',
    ]


def test_nothing_is_said_where_there_is_no_limit(make_api: ApiMaker) -> None:
    answer = make_api().submit()

    assert {"RateLimit", "RateLimit-Policy"} & set(answer.headers.keys()) == set()


def with_key(api: Api, requests_per_second: float | None) -> dict[str, str]:
    key = api.keys.create("for a test", scopes=[Scope.PREDICT], requests_per_second=requests_per_second)[1]
    return {"Authorization": f"Bearer {key}"}


def test_each_key_has_a_rate_of_its_own(make_api: ApiMaker) -> None:
    api = make_api(require_keys=True, rate_limit=SLOW)
    ada, bob, free = with_key(api, None), with_key(api, 0.2), with_key(api, 0)

    answers = [[api.submit(headers=headers).status_code for _ in range(3)] for headers in (ada, bob, free)]

    assert answers == [[202, 429, 429], [202, 202, 429], [202, 202, 202]]


def test_a_key_can_have_a_rate_where_the_others_have_none(make_api: ApiMaker) -> None:
    api = make_api(require_keys=True)
    ada, bob = with_key(api, SLOW), with_key(api, None)

    answers = [[api.submit(headers=headers).status_code for _ in range(2)] for headers in (ada, bob)]

    assert answers == [[202, 429], [202, 202]]


def test_the_rate_of_a_key_is_a_rate_of_its_requests_and_not_of_its_rows(api: Api) -> None:
    assert (api.submit([record()] * 100).status_code, api.submit().status_code) == (202, 429)


@pytest.mark.parametrize("way_in", ["submit and wait", "predict", "open inference", "mlflow", "sagemaker"])
def test_who_is_refused_takes_no_place_of_those_who_wait(make_api: ApiMaker, way_in: str) -> None:
    api = make_api(rate_limit=SLOW, max_waiters=1)
    api.submit()

    refused = ask(api, way_in)

    with api.waiters.room() as has_room:
        assert (refused.status_code, has_room) == (429, True)
