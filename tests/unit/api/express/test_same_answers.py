"""What goes past Flask is answered as Flask would answer it, and what does not is answered there, once."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import NotReplicated, ServiceError, StoreFull, StoreUnavailable
from shared.job_errors import JobErrorCode
from shared.jobs import JobError, JobStatus, Outcome
from tests.builders import failure, record, success
from tests.unit.api.express.conftest import JSON, PREDICT, SUBMIT, Asked, Headers, Pair, PairMaker, good_input

each_path = pytest.mark.parametrize("path", [SUBMIT, PREDICT], ids=["submit", "predict"])

EXPIRED = Outcome(JobStatus.EXPIRED, error=JobError(JobErrorCode.DEADLINE_PASSED, "too late"))
WORKER_DIED = Outcome(JobStatus.FAILED, error=JobError(JobErrorCode.WORKER_DIED, "it died"))
MODEL_UNAVAILABLE = Outcome(JobStatus.FAILED, error=JobError(JobErrorCode.MODEL_UNAVAILABLE, "no worker has it"))

OUTCOMES = {
    "no worker": None,
    "succeeding": success(),
    "failing": failure('it raised "ValueError"\n☃'),
    "expiring": EXPIRED,
    "losing its worker": WORKER_DIED,
    "without its model": MODEL_UNAVAILABLE,
}
ODD_HEADERS: dict[str, Headers] = {
    "wait": JSON | {"Prefer": "wait=5"},
    "wait without a number": JSON | {"Prefer": "wait"},
    "no wait": JSON | {"Prefer": "wait=0"},
    "a wait of no number": JSON | {"Prefer": "wait=soon"},
    "a quoted wait": JSON | {"Prefer": 'wait="5"'},
    "a wait among others": JSON | {"Prefer": 'respond-async, WAIT = 5; x="y", handling=lenient'},
    "a preference that only looks like it": JSON | {"Prefer": "await=5"},
    "no preference": JSON | {"Prefer": ""},
    "several preferences": [*JSON.items(), ("Prefer", "respond-async"), ("Prefer", "wait=5")],
    "several waits": [*JSON.items(), ("Prefer", "wait=0"), ("Prefer", "wait=5")],
    "bytes in a preference": JSON | {"Prefer": "wait=5, \xe9\xff"},
    "a deadline": JSON | {"Cancel-After": "90s"},
    "a deadline in spaces": JSON | {"Cancel-After": " 5m "},
    "a deadline beyond the longest": JSON | {"Cancel-After": "9999999h"},
    "a deadline of no number": JSON | {"Cancel-After": "soon"},
    "no deadline": JSON | {"Cancel-After": ""},
    "several deadlines": [*JSON.items(), ("Cancel-After", "90s"), ("Cancel-After", "5m")],
    "a request id": JSON | {"X-Request-Id": "Order.7_a-b"},
    "a request id with spaces": JSON | {"X-Request-Id": "order 7"},
    "a long request id": JSON | {"X-Request-Id": "x" * 129},
    "an empty request id": JSON | {"X-Request-Id": ""},
    "several request ids": [*JSON.items(), ("X-Request-Id", "a"), ("X-Request-Id", "b")],
    "an idempotency key": JSON | {"Idempotency-Key": "order-4711"},
    "an idempotency key and a wait": JSON | {"Idempotency-Key": "order-4711", "Prefer": "wait=5"},
    "an empty idempotency key": JSON | {"Idempotency-Key": ""},
    "a long idempotency key": JSON | {"Idempotency-Key": "x" * 256},
    "an idempotency key of no text": JSON | {"Idempotency-Key": "\xe9\xff"},
    "several idempotency keys": [*JSON.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    "other headers": JSON | {"Accept": "text/html", "If-None-Match": "*", "Host": "elsewhere", "Range": "bytes=0-1"},
}
CONTENT_TYPES: dict[str, Headers] = {
    "none": {},
    "empty": {"Content-Type": ""},
    "with a character set": {"Content-Type": "application/json; charset=utf-8"},
    "with another character set": {"Content-Type": "application/json; charset=latin-1"},
    "a kind of JSON": {"Content-Type": "application/vnd.rowcall+json"},
    "in capitals": {"Content-Type": "Application/JSON"},
    "another": {"Content-Type": "text/csv"},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "bytes": {"Content-Type": "application/json\xe9"},
}
BODIES = {
    "empty": b"",
    "no JSON": b"height=181",
    "truncated": b'{"input": {"height": 181,',
    "two documents": b"{} {}",
    "NaN": b'{"input": {"height": NaN, "shoe_size": 44}}',
    "no UTF-8": b'{"input": "\xff"}',
    "nested without end": b"[" * 5_000,
    "null": b"null",
    "a number": b"5",
    "an empty array": b"[]",
    "an empty object": b"{}",
    "null instead of a record": b'{"input": null}',
    "an unknown member": orjson.dumps({"input": record(), "modle": "gender"}),
    "a model of a wrong type": orjson.dumps({"input": record(), "model": 5}),
    "an unknown model": orjson.dumps({"input": record(), "model": "gendre"}),
    "an unknown version": orjson.dumps({"input": record(), "version": "7"}),
    "a known version": orjson.dumps({"input": record(), "model": "gender", "version": "1"}),
    "metres": orjson.dumps({"input": record(height=1.81)}),
    "metres, bare": orjson.dumps(record(height=1.81)),
    "an untypical value": orjson.dumps({"input": record(height=210)}),
    "an untypical value, bare": orjson.dumps(record(height=210)),
    "an unknown feature": orjson.dumps({"input": record(**{"a/b~": 1})}),
    "an array": orjson.dumps({"input": [record(), record(height=160)]}),
    "an array, bare": orjson.dumps([record(), record(height=160)]),
    "too many records": orjson.dumps({"input": [record()] * 9}),
    "spaces around": b" \n" + orjson.dumps({"input": record()}) + b"\n",
    "spaces around, bare": b" \n" + orjson.dumps(record()) + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + orjson.dumps({"input": record()}),
    "a retention": orjson.dumps({"input": record(), "retain_for": "5m"}),
    "no retention": orjson.dumps({"input": record(), "retain_for": 0}),
    "a retention that is none": orjson.dumps({"input": record(), "retain_for": "soon"}),
    "a retention that is too long": orjson.dumps({"input": record(), "retain_for": 10**9}),
    "metadata": orjson.dumps({"input": record(), "metadata": {"order": "4711", "größe": "☃"}}),
    "metadata of a wrong type": orjson.dumps({"input": record(), "metadata": {"order": 4711}}),
    "a name twice": b'{"input": 5, "input": {"height": 181, "shoe_size": 44}}',
}


def good(path: str, headers: Headers = JSON, query: bytes = b"") -> Asked:
    return Asked(path, orjson.dumps(good_input(path)), headers, query)


@each_path
@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
@pytest.mark.parametrize("prefer", ["", "wait=5", "wait=0"])
def test_a_job_is_answered_alike_however_it_ends(pair: Pair, path: str, outcome: Outcome | None, prefer: str) -> None:
    pair.set_up(outcome=outcome)

    fast, plain = pair.ask_both(good(path, JSON | {"Prefer": prefer}))

    assert fast == plain
    assert fast.jobs == 1


@each_path
@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_headers_are_read_alike(pair: Pair, path: str, headers: Headers) -> None:
    pair.set_up(outcome=success())

    fast, plain = pair.ask_both(good(path, headers))

    assert fast == plain


@each_path
@pytest.mark.parametrize("headers", CONTENT_TYPES.values(), ids=CONTENT_TYPES)
def test_the_type_of_a_body_is_read_alike(pair: Pair, path: str, headers: Headers) -> None:
    fast, plain = pair.ask_both(good(path, headers))

    assert fast == plain


@each_path
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_read_alike(make_pair: PairMaker, path: str, body: bytes) -> None:
    pair = make_pair(max_rows=3)
    pair.set_up(outcome=Outcome(JobStatus.SUCCEEDED, [{"prediction": "male"}, {"prediction": "female"}]))

    fast, plain = pair.ask_both(Asked(path, body, JSON | {"Prefer": "wait=5"}))

    assert fast == plain


@each_path
@pytest.mark.parametrize("prefer", ["", "wait=5"])
@pytest.mark.parametrize("outcome", [None, success(), failure()], ids=["no worker", "succeeding", "failing"])
def test_a_repeated_request_is_answered_alike(pair: Pair, path: str, outcome: Outcome | None, prefer: str) -> None:
    pair.set_up(outcome=outcome)
    asked = good(path, JSON | {"Idempotency-Key": "order-4711", "Prefer": prefer})
    pair.ask_both(asked)

    fast, plain = pair.ask_both(asked)

    assert fast == plain
    assert ("idempotency-replayed", "true") in fast.headers


@each_path
def test_a_key_that_comes_with_another_body_is_refused_alike(pair: Pair, path: str) -> None:
    headers = JSON | {"Idempotency-Key": "order-4711"}
    pair.ask_both(good(path, headers))

    fast, plain = pair.ask_both(Asked(path, orjson.dumps(good_input(path, height=160)), headers))

    assert fast == plain
    assert fast.status == 422


@each_path
@pytest.mark.parametrize(
    "query",
    [b"version=1", b"retain_for=0", b"retain_for=soon", b"version=7", b"version=", b"x=%C3%A9", b"wait=5", b"&"],
)
def test_queries_are_read_alike(pair: Pair, path: str, query: bytes) -> None:
    pair.set_up(outcome=success())

    fast, plain = pair.ask_both(good(path, query=query))

    assert fast == plain


@pytest.mark.parametrize("name", ["gendre", "größe", "gender ", "predict", "a%", "☃"])
def test_a_model_that_is_not_served_is_answered_alike(pair: Pair, name: str) -> None:
    fast, plain = pair.ask_both(Asked(f"/v1/models/{name}/predict", orjson.dumps(record()), JSON))

    assert fast == plain
    assert fast.status == 404


@each_path
@pytest.mark.parametrize("prefer", ["", "wait=5"])
@pytest.mark.parametrize("fault", [StoreFull("full"), StoreUnavailable("away"), NotReplicated("one of two")])
def test_a_refusal_of_the_store_is_answered_alike(pair: Pair, path: str, prefer: str, fault: ServiceError) -> None:
    pair.set_up(fault=fault)

    fast, plain = pair.ask_both(good(path, JSON | {"Prefer": prefer}))

    assert fast == plain
    assert (fast.status, fast.jobs) == (503, 1)


@each_path
def test_beyond_the_most_waiting_requests_both_accept(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(max_waiters=0)

    fast, plain = pair.ask_both(good(path, JSON | {"Prefer": "wait=5"}))

    assert fast == plain
    assert fast.status == 202


@each_path
def test_an_end_that_has_to_be_looked_up_is_answered_alike(pair: Pair, path: str) -> None:
    pair.set_up(outcome=success())
    pair.fast.broker.tell = lambda ends: pair.fast.waiters.tell(dict.fromkeys(ends))
    pair.plain.broker.tell = lambda ends: pair.plain.waiters.tell(dict.fromkeys(ends))

    fast, plain = pair.ask_both(good(path, JSON | {"Prefer": "wait=5"}))

    assert fast == plain
    assert fast.status == 200


@each_path
def test_a_body_over_the_limit_is_refused_alike(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(max_body_bytes=20)

    fast, plain = pair.ask_both(good(path))

    assert fast == plain
    assert (fast.status, fast.jobs) == (413, 0)


@each_path
def test_a_request_in_order_goes_past_flask(pair: Pair, path: str) -> None:
    # Otherwise nothing here would show anything.
    pair.set_up(outcome=success())

    answers = [pair.ask_fast(good(path, JSON | {"Prefer": "wait=5"})) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert pair.reached_flask == 0


def test_a_submitted_job_has_the_etag_of_its_document(pair: Pair) -> None:
    answer = pair.server.request("POST", SUBMIT, orjson.dumps(good_input(SUBMIT)), headers=JSON)
    headers = dict(answer.headers)

    read = pair.fast.client.get(headers["location"])

    assert (headers["etag"], answer.body) == (read.headers["ETag"], read.data)


RECORDS = st.fixed_dictionaries(
    {"height": st.sampled_from([181, 210, 1.81, "181", None, 10**30])},
    optional={"shoe_size": st.sampled_from([44, 44.5, 9, True]), "weight": st.just(80)},
)
GOOD_RECORDS = st.builds(record, height=st.integers(150, 200))
INPUTS = GOOD_RECORDS | RECORDS | st.lists(GOOD_RECORDS | RECORDS, max_size=4)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
ENVELOPES = st.fixed_dictionaries(
    {"input": INPUTS},
    optional={
        "model": st.sampled_from(["gender", "gendre", None, 5]),
        "version": st.sampled_from(["1", "7", None]),
        "retain_for": st.sampled_from([0, 60, "5m", "soon", None]),
        "metadata": st.sampled_from([{}, {"a": "b"}, {"a": 1}, None]),
    },
)
DOCUMENTS: st.SearchStrategy[Any] = ENVELOPES | INPUTS | JSON_VALUES
REQUESTS = st.builds(
    Asked,
    path=st.sampled_from([SUBMIT, PREDICT, "/v1/models/gendre/predict"]),
    body=DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=40),
    headers=st.fixed_dictionaries(
        {"Content-Type": st.sampled_from(["application/json"] * 8 + ["application/json; charset=utf-8", "text/csv"])},
        optional={
            "Prefer": st.sampled_from(["wait=5", "wait", "wait=0", "respond-async, wait=1", "x"]),
            "Cancel-After": st.sampled_from(["90s", "5m", "soon"]),
            "X-Request-Id": st.sampled_from(["a-1", "a 1"]),
            "Idempotency-Key": st.sampled_from(["k1", "k2", ""]),
        },
    ),
    query=st.sampled_from([b""] * 8 + [b"version=1", b"version=7"]),
)
ENDS = st.sampled_from([success(), failure(), EXPIRED])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=REQUESTS, outcome=ENDS, fault=st.sampled_from([None, None, None, StoreFull("full")]))
def test_any_request_is_answered_alike(pair: Pair, asked: Asked, outcome: Outcome, fault: ServiceError | None) -> None:
    pair.set_up(outcome=outcome, fault=fault)

    fast, plain = pair.ask_both(asked)

    assert fast == plain
    assert fast.jobs <= 1
