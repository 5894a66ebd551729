"""What a client sees of a batch that it cancels."""

from typing import Any

import pytest

from tests.unit.api.batches.conftest import NEVER_GIVEN_OUT, completed, forget, get, running, submitted
from tests.unit.api.conftest import Api, document_of


@pytest.mark.parametrize("make", [submitted, running], ids=["queued", "running"])
def test_a_batch_is_canceled_at_once_and_keeps_what_was_done(api: Api, make: Any) -> None:
    batch_id = make(api)
    before = document_of(get(api, batch_id))["counts"]

    response = api.client.post(f"/v1/batches/{batch_id}/cancel")

    document = document_of(response)
    assert (response.status_code, document["status"], document["error"]["code"]) == (200, "canceled", "canceled")
    assert document["counts"] == before


def test_canceling_twice_is_as_good_as_once(api: Api) -> None:
    batch_id = submitted(api)

    statuses = [api.client.post(f"/v1/batches/{batch_id}/cancel").status_code for _ in range(2)]

    assert statuses == [200, 200]


def test_a_completed_batch_cannot_be_canceled(api: Api) -> None:
    batch_id = completed(api)

    response = api.client.post(f"/v1/batches/{batch_id}/cancel")

    assert (response.status_code, document_of(response)["code"]) == (409, "already_final")
    assert document_of(get(api, batch_id))["status"] == "completed"


def test_canceling_a_batch_that_never_was_is_not_found(api: Api) -> None:
    response = api.client.post(f"{NEVER_GIVEN_OUT}/cancel")

    assert (response.status_code, document_of(response)["code"]) == (404, "batch_not_found")


def test_canceling_a_batch_past_its_retention_finds_it_gone(api: Api) -> None:
    batch_id = completed(api)
    forget(api, batch_id)

    response = api.client.post(f"/v1/batches/{batch_id}/cancel")

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")
