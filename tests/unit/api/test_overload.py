"""A job for which there is no room is refused on every way in, with the time at which there is."""

from collections.abc import Sequence

import orjson
import pytest
from werkzeug.test import TestResponse

from api.terms import name_key
from shared.job_store import Accepted
from shared.job_terms import RetryVerdict
from shared.jobs import JobSpec, QueueState
from shared.rates import Rate
from shared.redis_messages import QueueEntry
from tests.builders import record, success
from tests.fakes import FakeJobStore, TimedRedisBatchStore
from tests.unit.api.conftest import Api, ApiMaker, document_of


class FullStore(FakeJobStore):
    """A store that has room for what is sent with an idempotency key only."""

    def retry(self, spec: JobSpec, token: str, *, rate: Rate | None = None) -> tuple[RetryVerdict, float]:
        return RetryVerdict.FULL, 2.1

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        room = {spec.id: super(FullStore, self).accept([spec])[0] for spec in specs if spec.once and spec.once.key}
        refused = Accepted(0.0, QueueState(0, None), live_workers=1, retry_after_seconds=2.1)
        return [room.get(spec.id, refused) for spec in specs]


class SlowStore(FakeJobStore):
    """A store that has room for those only who wait for longer than 7 s, or come back for the answer."""

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        refused = Accepted(0.0, QueueState(0, None), live_workers=1, retry_after_seconds=2.1)
        is_hurried = [spec.patience_seconds is not None and spec.patience_seconds <= 7.0 for spec in specs]
        accepted = super().accept(specs, entry=entry)
        return [refused if hurried else one for hurried, one in zip(is_hurried, accepted, strict=True)]


PREDICT = "/v1/models/gender/predict"


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    return make_api(FullStore)


WAYS_IN = {
    "submit": ("POST", "/v1/predictions", {"input": record()}, {}),
    "submit and wait": ("POST", "/v1/predictions", {"input": record()}, {"Prefer": "wait=5"}),
    "an id of one's own": ("PUT", "/v1/predictions/order-4711", {"input": record()}, {}),
    "predict": ("POST", PREDICT, record(), {}),
}


@pytest.mark.parametrize(("method", "path", "body", "headers"), WAYS_IN.values(), ids=WAYS_IN)
def test_what_there_is_no_room_for_is_told_when_to_come_back(
    api: Api, method: str, path: str, body: object, headers: dict[str, str]
) -> None:
    answer: TestResponse = api.client.open(path, method=method, json=body, headers=headers)

    document = document_of(answer)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert (document["code"], document["retryable"]) == ("overloaded", True)


def test_a_group_is_answered_one_by_one(api: Api) -> None:
    refused, accepted = api.submit(), api.submit(headers={"Idempotency-Key": "order-4711"})

    assert (refused.status_code, accepted.status_code) == (429, 202)


def test_a_retry_is_told_when_to_come_back(api: Api) -> None:
    job_id = api.submit(headers={"Idempotency-Key": "order-4711"}).get_json()["id"]
    api.broker.sent.clear()

    answer = api.client.post(f"/v1/predictions/{job_id}/retry")

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert api.broker.sent == []


def test_nothing_is_sent_of_what_was_refused(api: Api) -> None:
    api.submit()

    assert api.broker.sent == []


def test_what_was_refused_is_not_there(api: Api) -> None:
    api.submit()

    assert orjson.loads(api.client.get("/v1/predictions").data)["data"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param(PREDICT, record(), 429, id="the answer or nothing"),
        pytest.param("/v1/predictions", {"input": record()}, 202, id="a job that can be read later"),
    ],
)
def test_who_has_no_use_for_a_late_answer_is_refused_at_once(
    make_api: ApiMaker, path: str, body: object, status: int
) -> None:
    api = make_api(SlowStore, max_queue_seconds=60.0)

    answer = api.client.post(path, json=body, headers={"Prefer": "wait=1"})

    assert answer.status_code == status


@pytest.mark.parametrize("query", ["", "?retain_for=60"])
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-4711"}], ids=["no key", "a key"])
def test_who_says_nothing_waits_as_long_as_is_usual(make_api: ApiMaker, query: str, headers: dict[str, str]) -> None:
    hurried = make_api(SlowStore, max_queue_seconds=60.0, default_wait_seconds=7.0)
    patient = make_api(SlowStore, max_queue_seconds=60.0, default_wait_seconds=7.5)
    patient.broker.outcome = success()

    answers = [api.client.post(f"{PREDICT}{query}", json=record(), headers=headers) for api in (hurried, patient)]

    assert [answer.status_code for answer in answers] == [429, 200]


def test_nobody_is_refused_for_its_wait_where_none_is_too_long(make_api: ApiMaker) -> None:
    api = make_api(SlowStore)

    answer = api.client.post(PREDICT, json=record(), headers={"Prefer": "wait=1"})

    assert answer.status_code == 504


def test_a_tensor_whose_client_waits_too_briefly_is_refused_at_once(make_api: ApiMaker) -> None:
    api = make_api(SlowStore, max_queue_seconds=60.0)
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [181.0, 44.0]}

    answer = api.client.post("/v2/models/gender/infer", json={"inputs": [tensor]}, headers={"Prefer": "wait=1"})

    assert answer.status_code == 429


class StoreWithALongQueue(TimedRedisBatchStore):
    """A store in which a new file would wait for a minute, except under one idempotency key."""

    def find_wait_seconds(self, once_key: str = "") -> float | None:
        return None if once_key == name_key("order-4711", owner="") else 60.0


CSV = b"height,shoe_size\n181,44\n"


@pytest.fixture
def full(make_api: ApiMaker) -> Api:
    return make_api(batches=StoreWithALongQueue, max_batch_queue_seconds=50.0)


def send_file(api: Api, query: str = "", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.post(f"/v1/batches{query}", data=CSV, content_type="text/csv", headers=named)


def test_a_file_that_would_wait_too_long_is_told_when_to_come_back(full: Api) -> None:
    answer = send_file(full)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert document_of(answer)["code"] == "overloaded"


def test_a_file_is_refused_that_its_own_deadline_would_end_in_the_queue(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithALongQueue, max_batch_queue_seconds=3600.0)

    hurried, patient = send_file(api, Cancel_After="20s"), send_file(api)

    assert (hurried.status_code, hurried.headers["Retry-After"], patient.status_code) == (429, "40", 202)


def test_a_refused_file_is_not_read_for_its_header(full: Api) -> None:
    answer = full.client.post("/v1/batches", data=b"no,such,columns\n", content_type="text/csv")

    assert answer.status_code == 429


def test_a_file_that_was_accepted_before_is_answered_again(full: Api) -> None:
    first, second = send_file(full, Idempotency_Key="order-4711"), send_file(full, Idempotency_Key="order-4711")

    assert (first.status_code, second.status_code) == (202, 202)
    assert document_of(second)["id"] == document_of(first)["id"]


def test_a_preview_needs_no_room(full: Api) -> None:
    assert send_file(full, "?dry_run=true").status_code == 200


def test_no_file_is_refused_where_no_limit_is_set(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithALongQueue)

    assert send_file(api).status_code == 202


def test_a_file_over_the_rate_of_its_key_that_would_wait_too_long_is_refused_for_its_rate(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithALongQueue, max_batch_queue_seconds=50.0, rate_limit=0.1)
    send_file(api, Idempotency_Key="order-4711")

    answer = send_file(api)

    assert (answer.status_code, document_of(answer)["code"]) == (429, "rate_limited")


def test_a_file_that_would_wait_too_long_costs_nothing_of_the_rate_of_its_key(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithALongQueue, max_batch_queue_seconds=50.0, rate_limit=0.1)

    refused, accepted = send_file(api), send_file(api, Idempotency_Key="order-4711")

    assert (refused.status_code, document_of(refused)["code"]) == (429, "overloaded")
    assert refused.headers["RateLimit"] == '"default";r=1;t=0'
    assert accepted.status_code == 202
