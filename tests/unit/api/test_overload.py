"""A job for which there is no room is refused on every way in, with the time at which there is."""

from collections.abc import Sequence

import orjson
import pytest
from werkzeug.test import TestResponse

from shared.job_store import Accepted
from shared.jobs import JobSpec, QueueState
from shared.redis_messages import QueueEntry
from tests.builders import record
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of


class FullStore(FakeJobStore):
    """A store that has room for what is sent with an idempotency key only."""

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        room = {spec.id: super(FullStore, self).accept([spec])[0] for spec in specs if spec.once and spec.once.key}
        refused = Accepted(0.0, QueueState(0, None), live_workers=1, retry_after_seconds=2.1)
        return [room.get(spec.id, refused) for spec in specs]


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


def test_nothing_is_sent_of_what_was_refused(api: Api) -> None:
    api.submit()

    assert api.broker.sent == []


def test_what_was_refused_is_not_there(api: Api) -> None:
    api.submit()

    assert orjson.loads(api.client.get("/v1/predictions").data)["data"] == []
