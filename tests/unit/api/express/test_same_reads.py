"""A job that is read past Flask is shown as Flask would show it, and what is not is answered there."""

from collections.abc import Callable

import pytest

from shared.errors import StoreUnavailable
from shared.jobs import BatchStep, StepKind
from shared.queues import Lane
from tests.builders import failure, job_spec, success
from tests.unit.api.conftest import Api, finish
from tests.unit.api.express.conftest import SUBMIT, Headers, Pair, PairMaker

Change = Callable[[Api, str], object]

NEVER_GIVEN_OUT = "prd_" + "0" * 40


def lose(api: Api, job_id: str) -> None:
    finish(api.jobs, job_id, success())
    api.jobs.let_time_pass(90_000)


CHANGES: dict[str, Change] = {
    "queued": lambda _api, _job_id: None,
    "running": lambda api, job_id: api.jobs.claim([job_id], "t1"),
    "asked to cancel": lambda api, job_id: (api.jobs.claim([job_id], "t1"), api.jobs.cancel(job_id)),
    "succeeded": lambda api, job_id: finish(api.jobs, job_id, success()),
    "failed": lambda api, job_id: finish(api.jobs, job_id, failure('it raised "ValueError"\n☃')),
    "canceled": lambda api, job_id: api.jobs.cancel(job_id),
    "expired": lambda api, _job_id: api.jobs.let_time_pass(90_000),
    "gone": lose,
}
HEADERS: dict[str, Headers] = {
    "wait": {"Prefer": "wait=5"},
    "no wait": {"Prefer": "wait=0"},
    "a wait of no number": {"Prefer": "wait=soon"},
    "several waits": [("Prefer", "wait=0"), ("Prefer", "wait=5")],
    "a request id": {"X-Request-Id": "Order.7_a-b"},
    "a request id with spaces": {"X-Request-Id": "order 7"},
    "any other state": {"If-None-Match": "*"},
    "another state": {"If-None-Match": '"x", W/"y"'},
    "no state": {"If-None-Match": ""},
    "the same state": {"If-Match": '"x"'},
    "a later state": {"If-Modified-Since": "Sat, 28 Nov 2026 04:00:00 GMT"},
    "a range": {"Range": "bytes=0-1"},
    "a range of the same state": {"Range": "bytes=0-1", "If-Range": '"x"'},
    "another type": {"Accept": "text/html", "Content-Type": "text/csv"},
}


@pytest.mark.parametrize("prefer", ["", "wait=5"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_job_is_shown_alike_however_it_stands(pair: Pair, change: Change, prefer: str) -> None:
    job_ids = pair.submit_both()
    change(pair.fast, job_ids[0])
    change(pair.plain, job_ids[1])

    fast, plain = pair.read_both(job_ids, {"Prefer": prefer})

    assert fast == plain


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_headers_of_a_read_are_read_alike(pair: Pair, headers: Headers) -> None:
    fast, plain = pair.read_both(pair.submit_both(), headers)

    assert fast == plain


@pytest.mark.parametrize(
    "job_id",
    [NEVER_GIVEN_OUT, "prd_", "x", "größe", "☃", "a b%", "..", "\x00", f"{NEVER_GIVEN_OUT}/", "/x", "", "x" * 5_000],
)
def test_an_id_that_was_never_given_out_is_answered_alike(pair: Pair, job_id: str) -> None:
    fast, plain = pair.read_both((job_id, job_id))

    assert fast == plain
    assert fast.status != 200


def test_the_step_of_a_batch_is_nobodys_prediction_either_way(pair: Pair) -> None:
    step = job_spec("bat_a.1", lane=Lane.BULK, rows=[], step=BatchStep("bat_a", StepKind.CHUNK, 1))
    pair.fast.jobs.accept([step])
    pair.plain.jobs.accept([step])

    fast, plain = pair.read_both(("bat_a.1", "bat_a.1"))

    assert fast == plain
    assert fast.status == 404


def test_a_query_of_a_read_is_read_alike(pair: Pair) -> None:
    fast, plain = pair.read_both(pair.submit_both(), query=b"wait=5")

    assert fast == plain
    assert fast.status == 200


def test_a_body_of_a_read_is_passed_over_alike(pair: Pair) -> None:
    fast, plain = pair.read_both(pair.submit_both(), body=b"no JSON")

    assert fast == plain
    assert fast.status == 200


def test_a_store_that_is_away_is_answered_alike(pair: Pair) -> None:
    job_ids = pair.submit_both()
    pair.set_up(fault=StoreUnavailable("away"))

    fast, plain = pair.read_both(job_ids)

    assert fast == plain
    assert fast.status == 503


def test_beyond_the_most_waiting_requests_both_read_at_once(make_pair: PairMaker) -> None:
    pair = make_pair(max_waiters=0)

    fast, plain = pair.read_both(pair.submit_both(), {"Prefer": "wait=5"})

    assert fast == plain
    assert fast.status == 200


def test_a_job_has_one_etag_whichever_way_it_is_read(pair: Pair) -> None:
    path = f"{SUBMIT}/{pair.submit_both()[0]}"

    read = pair.server.request("GET", path)

    headers = dict(read.headers)
    plain = pair.fast.client.get(path)
    again = pair.server.request("GET", path, headers={"If-None-Match": headers["etag"]})
    assert (headers["etag"], read.body) == (plain.headers["ETag"], plain.data)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("prefer", ["", "wait=5"])
def test_a_read_in_order_goes_past_flask(pair: Pair, prefer: str) -> None:
    # Otherwise nothing here would show anything.
    job_id, _ = pair.submit_both()

    answer = pair.server.request("GET", f"{SUBMIT}/{job_id}", headers={"Prefer": prefer})

    assert answer.status == 200
    assert pair.reached_flask == 0
