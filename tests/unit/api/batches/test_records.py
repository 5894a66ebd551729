"""What a client does with batches that are there: list, delete; and what it sends twice is one batch."""

from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import TestResponse

from api.callers import CALLER, Caller, Scope
from shared.batch_files import batch_folder
from shared.batch_store import DELETED_AGAIN_SECONDS
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.batches.conftest import CSV, NEVER_GIVEN_OUT, completed, get, running, submit, submitted
from tests.unit.api.conftest import Api, document_of

BOB = Caller("bob", "key of bob", frozenset(Scope))
KEY = {"Idempotency-Key": "file-1"}
LIST = "/v1/batches"


def listed(api: Api, query: str = "") -> list[str]:
    return [batch["id"] for batch in document_of(api.client.get(LIST + query))["data"]]


def files_of(api: Api, batch_id: str) -> Iterator[str]:
    return (folder for folder in api.files.folders("batches") if folder == batch_folder(batch_id))


def test_batches_are_listed_the_newest_first(api: Api) -> None:
    ids = [submitted(api), completed(api), submitted(api)]

    assert listed(api) == ids[::-1]
    assert (listed(api, "?status=completed"), listed(api, "?model=gender"), listed(api, "?model=age")) == (
        [ids[1]],
        ids[::-1],
        [],
    )


def test_a_list_of_batches_goes_on_at_its_cursor(api: Api) -> None:
    ids = [submitted(api) for _ in range(3)]

    first = document_of(api.client.get(f"{LIST}?limit=2"))
    second = document_of(api.client.get(f"{LIST}?limit=2&cursor={first['next_cursor']}"))

    assert [batch["id"] for batch in first["data"] + second["data"]] == ids[::-1]
    assert second["next_cursor"] is None


def test_nobody_elses_batches_are_listed(api: Api) -> None:
    submitted(api)

    assert document_of(api.client.get(LIST, environ_overrides={CALLER: BOB}))["data"] == []


@pytest.mark.parametrize("make", [submitted, running, completed])
def test_a_deleted_batch_is_gone_with_its_files(api: Api, make: Callable[[Api], str]) -> None:
    batch_id = make(api)

    response = api.client.delete(f"{LIST}/{batch_id}")

    gone = get(api, batch_id)
    assert (response.status_code, gone.status_code, document_of(gone)["code"]) == (204, 410, "batch_gone")
    assert (list(files_of(api, batch_id)), listed(api)) == ([], [])


@pytest.mark.parametrize("path", [NEVER_GIVEN_OUT, "own"])
def test_what_is_not_ones_own_cannot_be_deleted(api: Api, path: str) -> None:
    batch_id = submitted(api)
    where = {"own": f"{LIST}/{batch_id}"}.get(path, path)

    response = api.client.delete(where, environ_overrides={CALLER: BOB})

    assert (response.status_code, document_of(response)["code"]) == (404, "batch_not_found")


def test_what_a_worker_still_wrote_of_a_deleted_batch_is_deleted_later(api: Api) -> None:
    batch_id = running(api)
    api.client.delete(f"{LIST}/{batch_id}")
    assert isinstance(api.batches, TimedRedisBatchStore)
    at_once = api.batches.sweep()

    api.batches.let_time_pass(DELETED_AGAIN_SECONDS + 1)

    assert (at_once, api.batches.sweep()) == ([], [batch_id])


def test_a_forgotten_batch_is_not_listed(api: Api) -> None:
    batch_id = completed(api)

    api.batches.forget(batch_id)

    assert listed(api) == []


def test_a_repeated_upload_is_one_batch(api: Api) -> None:
    first = submit(api, headers=KEY)

    second = submit(api, headers=KEY)

    first_id = document_of(first)["id"]
    assert (second.status_code, second.headers["Idempotency-Replayed"]) == (202, "true")
    assert (document_of(second)["id"], listed(api)) == (first_id, [first_id])
    assert len(list(api.files.folders("batches"))) == 1


@pytest.mark.parametrize(
    ("body", "query"),
    [(CSV + b"150,Eve,36\n", ""), (CSV, "?on_error=abort"), (CSV, "?formulas=escape")],
    ids=["another file", "another query", "escaped formulas"],
)
def test_a_key_that_comes_with_another_upload_is_refused(api: Api, body: bytes, query: str) -> None:
    submit(api, headers=KEY)

    response = submit(api, body, query, headers=KEY)

    assert (response.status_code, document_of(response)["code"]) == (422, "idempotency_key_reused")
    assert len(list(api.files.folders("batches"))) == 1


def test_another_key_is_another_batch(api: Api) -> None:
    submit(api, headers=KEY)

    assert submit(api, headers={"Idempotency-Key": "file-2"}).headers.get("Idempotency-Replayed") is None


def test_a_repeated_upload_of_a_deleted_batch_says_that_it_is_gone(api: Api) -> None:
    api.client.delete(submit(api, headers=KEY).headers["Location"])

    response: TestResponse = submit(api, headers=KEY)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_a_client_that_comes_back_to_a_stream_is_not_told_again(api: Api) -> None:
    batch_id = completed(api)
    first = get(api, batch_id, "/events").text
    last_id = first.partition("id: ")[2].partition("\n")[0]

    second = api.client.get(f"{LIST}/{batch_id}/events", headers={"Last-Event-ID": last_id}).text

    assert ("event: completed" in first, "event: completed" in second) == (True, False)
