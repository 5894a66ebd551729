"""What a client of predictions sees while something behind the API is away or full."""

from collections.abc import Sequence
from typing import Any

import pytest

from shared.errors import StoreFull, StoreUnavailable
from shared.jobs import Job
from tests.builders import record, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, StoreAway, document_of
from tests.unit.api.predictions.conftest import NEVER_GIVEN_OUT


class StoreWithoutMemory(FakeJobStore):
    """A store that takes no further job."""

    def accept(self, specs: Sequence[object], *, entry: object = None) -> Any:
        raise StoreFull


class StoreLostAfterAccepting(FakeJobStore):
    """A store that goes away while the client waits for what it accepted."""

    def find(self, job_id: str) -> Job | None:
        raise StoreUnavailable


def test_a_store_lost_after_accepting_does_not_hide_the_accepted_job(make_api: ApiMaker) -> None:
    api = make_api(StoreLostAfterAccepting)

    response = api.submit(headers={"Prefer": "wait"})

    assert response.status_code == 202
    assert "Location" in response.headers


def test_a_store_lost_after_accepting_does_not_hide_an_end_that_was_told(make_api: ApiMaker) -> None:
    api = make_api(StoreLostAfterAccepting)
    api.broker.outcome = success()

    response = api.submit(headers={"Prefer": "wait=5"})

    assert (response.status_code, document_of(response)["status"]) == (200, "succeeded")


def test_a_broker_that_is_down_still_accepts(api: Api) -> None:
    api.broker.is_down = True

    response = api.submit()

    assert response.status_code == 202
    assert document_of(api.client.get(response.headers["Location"]))["status"] == "queued"


def test_no_model_served_is_an_outage(make_api: ApiMaker) -> None:
    response = make_api(models=[]).submit()

    assert (response.status_code, document_of(response)["code"]) == (503, "no_model_served")
    assert response.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/v1/predictions", {"input": record()}, id="submit"),
        pytest.param("POST", "/v1/models/gender/predict", record(), id="predict"),
        pytest.param("GET", NEVER_GIVEN_OUT, None, id="read"),
        pytest.param("POST", f"{NEVER_GIVEN_OUT}/cancel", None, id="cancel"),
    ],
)
def test_a_store_that_is_away_is_an_outage(make_api: ApiMaker, method: str, path: str, body: object) -> None:
    response = make_api(StoreAway).client.open(path, method=method, json=body)

    document = document_of(response)
    assert (response.status_code, document["code"], document["retryable"]) == (503, "store_unavailable", True)
    assert response.headers["Retry-After"] == "2"


def test_a_full_store_refuses_and_says_when_to_come_back(make_api: ApiMaker) -> None:
    response = make_api(StoreWithoutMemory).submit()

    document = document_of(response)
    assert (response.status_code, document["code"], document["retryable"]) == (503, "store_full", True)
    assert response.headers["Retry-After"] == "2"


def test_a_job_that_was_refused_is_not_sent(make_api: ApiMaker) -> None:
    api = make_api(StoreWithoutMemory)

    api.submit()

    assert api.broker.sent == []
