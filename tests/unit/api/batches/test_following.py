"""What a client sees of a batch that it follows: how far it is, how it ended, and no answer twice."""

import time
from typing import Any

import pytest

from api.batches import LOOK_SECONDS
from shared.batch_store import CANCELED
from shared.batches import BatchStatus, Chunk, Part
from tests.unit.api.batches.conftest import (
    StoreWithABusyWorker,
    completed,
    get,
    running,
    split,
    submit,
    submitted,
    timed,
)
from tests.unit.api.conftest import Api, ApiMaker, document_of


def test_a_running_batch_says_how_far_it_is(api: Api) -> None:
    batch_id = running(api)

    document = document_of(get(api, batch_id))

    assert (document["status"], document["outcome"], document["percent"]) == ("running", None, 33.3)
    assert document["counts"] == {"total": 3, "succeeded": 1, "failed": 0, "pending": 2}
    assert document["chunks"] == {"total": 2, "done": 1}
    assert document["rows_per_second"] > 0
    assert document["eta_seconds"] >= 0


def test_a_completed_batch_says_how_its_rows_fared(api: Api) -> None:
    batch_id = completed(api)

    response = get(api, batch_id)
    document = document_of(response)

    assert (document["status"], document["outcome"], document["percent"]) == ("completed", "partial", 100.0)
    assert document["counts"] == {"total": 3, "succeeded": 2, "failed": 1, "pending": 0}
    assert document["errors_by_code"] == {"out_of_range": 1}
    assert (document["eta_seconds"], document["error"], "Retry-After" in response.headers) == (None, None, False)


@pytest.mark.parametrize(
    ("failed", "outcome"), [(0, "all_succeeded"), (1, "partial"), (2, "all_failed")], ids=["none", "some", "all"]
)
def test_the_outcome_of_a_completed_batch_is_a_word(api: Api, failed: int, outcome: str) -> None:
    batch_id = submitted(api)
    api.batches.note_chunks(batch_id, [Chunk(0, 27, 60, 1, 2)], rows_total=2)

    api.batches.record_part(batch_id, 0, Part("t1", 2, failed, 0, 0))

    assert document_of(get(api, batch_id))["outcome"] == outcome


def test_a_batch_canceled_before_its_first_row_has_no_outcome_to_speak_of(api: Api) -> None:
    batch_id = submitted(api)

    api.batches.end(batch_id, BatchStatus.CANCELED, CANCELED)

    assert document_of(get(api, batch_id))["outcome"] == "none"


@pytest.mark.parametrize("make", [submitted, completed])
def test_a_batch_that_has_not_changed_is_not_sent_again(api: Api, make: Any) -> None:
    batch_id = make(api)
    etag = get(api, batch_id).headers["ETag"]

    response = get(api, batch_id, If_None_Match=etag)

    assert (response.status_code, response.data) == (304, b"")


def test_a_batch_that_has_changed_is_sent_again(api: Api) -> None:
    batch_id = submitted(api)
    etag = get(api, batch_id).headers["ETag"]
    split(api, batch_id)

    assert get(api, batch_id, If_None_Match=etag).status_code == 200


def test_a_batch_completed_while_the_client_waits_is_answered(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithABusyWorker)
    batch_id = submitted(api)
    api.batches.note_chunks(batch_id, [], rows_total=None)

    response = get(api, batch_id, Prefer="wait=5")

    assert document_of(response)["status"] == "completed"


def test_a_batch_not_completed_in_time_is_answered_as_it_stands(api: Api) -> None:
    batch_id = submitted(api)

    response = get(api, batch_id, Prefer="wait")

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


@pytest.mark.timeout(3)
def test_a_client_does_not_wait_when_too_many_do(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    batch_id = submitted(api)

    with api.waiters.room():
        response = get(api, batch_id, Prefer="wait=30")

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


def test_a_waiting_client_gives_its_place_back(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)

    get(api, submitted(api), Prefer="wait")

    with api.waiters.room() as has_room:
        assert has_room


@pytest.mark.parametrize("path", ["", "/events"])
def test_a_short_wait_is_short(make_api: ApiMaker, path: str) -> None:
    api = make_api(max_wait_seconds=0.05)
    batch_id = submitted(api)
    start = time.monotonic()

    get(api, batch_id, path, Prefer="wait").get_data()

    assert time.monotonic() - start < LOOK_SECONDS


def test_a_batch_past_its_deadline_has_expired(api: Api) -> None:
    batch_id = document_of(submit(api, headers={"Cancel-After": "90s"}))["id"]
    timed(api).let_time_pass(91)

    document = document_of(get(api, batch_id))

    assert (document["status"], document["error"]["code"]) == ("expired", "deadline_passed")
