"""A job for which there is no room is refused on every way in, with the time at which there is."""

from collections.abc import Sequence

import orjson
import pytest
from werkzeug.test import TestResponse

from shared.job_store import Accepted
from shared.job_terms import RetryVerdict
from shared.jobs import JobSpec, QueueState
from shared.redis_messages import QueueEntry
from tests.builders import record
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of


class FullStore(FakeJobStore):
    """A store that has room for what is sent with an idempotency key only."""

    def retry(self, spec: JobSpec, token: str) -> tuple[RetryVerdict, float]:
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


@pytest.fixture
def api(make_api: ApiMaker) -> Api:
    return make_api(FullStore)


WAYS_IN = {
    "submit": ("POST", "/v1/predictions", {"input": record()}, {}),
    "submit and wait": ("POST", "/v1/predictions", {"input": record()}, {"Prefer": "wait=5"}),
    "an id of one's own": ("PUT", "/v1/predictions/order-4711", {"input": record()}, {}),
    "predict": ("POST", "/v1/models/gender/predict", record(), {}),
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
        pytest.param("/v1/models/gender/predict", record(), 429, id="the answer or nothing"),
        pytest.param("/v1/predictions", {"input": record()}, 202, id="a job that can be read later"),
    ],
)
def test_who_has_no_use_for_a_late_answer_is_refused_at_once(
    make_api: ApiMaker, path: str, body: object, status: int
) -> None:
    api = make_api(SlowStore)

    answer = api.client.post(path, json=body, headers={"Prefer": "wait=1"})

    assert answer.status_code == status


def test_a_tensor_whose_client_waits_too_briefly_is_refused_at_once(make_api: ApiMaker) -> None:
    api = make_api(SlowStore)
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [181.0, 44.0]}

    answer = api.client.post("/v2/models/gender/infer", json={"inputs": [tensor]}, headers={"Prefer": "wait=1"})

    assert answer.status_code == 429
