"""What a client asks for besides the rows of its batch: how long it is kept, and what is written on it."""

import io
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from shared.batches import BatchStatus
from tests.unit.api.batches.conftest import (
    CSV,
    StoreWithABusyWorker,
    batch_of,
    completed,
    files_in,
    forget,
    get,
    running,
    split,
    submit,
    submitted,
    timed,
    write_part,
)
from tests.unit.api.conftest import Api, ApiMaker, document_of

TERMS = "?retain_for=90s&metadata=order:4711&metadata=gr%C3%B6%C3%9Fe:a:b%26"
METADATA = {"order": "4711", "größe": "a:b&"}
LIST = "/v1/batches"


def notes(response: TestResponse) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document_of(response)["errors"]]


@pytest.mark.parametrize(
    ("query", "seconds"),
    [("60", 60), ("90s", 90), ("5m", 300), ("2h", 7200), ("0", 0), ("86400", 86_400)],
)
def test_a_client_says_how_long_its_batch_is_kept(api: Api, query: str, seconds: int) -> None:
    batch_id = submitted(api, query=f"?retain_for={query}")

    assert document_of(get(api, batch_id))["retain_for"] == seconds
    assert batch_of(api, batch_id).spec.retain_seconds == seconds


def test_what_a_client_writes_on_its_batch_comes_back(api: Api) -> None:
    accepted = submit(api, query=TERMS)
    path = accepted.headers["Location"]

    documents = [document_of(accepted), document_of(api.client.get(path)), document_of(api.client.get(LIST))["data"][0]]

    assert [document["metadata"] for document in documents] == [METADATA] * 3


def test_what_a_client_writes_on_its_batch_comes_back_with_the_events(api: Api) -> None:
    batch_id = submitted(api, query="?metadata=order:4711")
    split(api, batch_id, rows_total=0)

    assert '"metadata":{"order":"4711"}' in get(api, batch_id, "/events").text


def test_the_terms_of_a_file_in_a_form_are_in_the_query_too(api: Api) -> None:
    response = api.client.post(LIST + TERMS, data={"file": (io.BytesIO(CSV), "people.csv")})

    document = document_of(response)
    assert (response.status_code, document["retain_for"], document["metadata"]) == (202, 90, METADATA)


def test_a_batch_without_terms_is_kept_as_long_as_any_other(api: Api) -> None:
    document = document_of(submit(api))

    assert (document["retain_for"], document["metadata"]) == (None, {})


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("retain_for=-1", "/query/retain_for", "wrong_type"),
        ("retain_for=86401", "/query/retain_for", "out_of_range"),
        ("retain_for=25h", "/query/retain_for", "out_of_range"),
        ("retain_for=soon", "/query/retain_for", "wrong_type"),
        ("retain_for=1.5", "/query/retain_for", "wrong_type"),
        ("retain_for=", "/query/retain_for", "wrong_type"),
        ("metadata=order", "/query/metadata", "bad_parameter"),
        ("metadata=:4711", "/query/metadata", "bad_parameter"),
        ("metadata=a:1&metadata=a:2", "/query/metadata", "bad_parameter"),
        ("&".join(f"metadata={number}:x" for number in range(17)), "/query/metadata", "out_of_range"),
        (f"metadata={'x' * 65}:x", "/query/metadata", "out_of_range"),
        (f"metadata=x:{'x' * 513}", "/query/metadata", "out_of_range"),
        ("meta_data=a:1", "/query/meta_data", "bad_parameter"),
    ],
)
def test_terms_that_cannot_be_met_are_refused_and_nothing_is_stored(
    api: Api, tmp_path: Path, query: str, pointer: str, code: str
) -> None:
    response = submit(api, query=f"?{query}")

    assert (response.status_code, notes(response)) == (422, [(pointer, code)])
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_what_a_client_writes_on_its_batch_is_in_no_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    submit(api, query="?metadata=canary-1:canary-2")
    refused = submit(api, query="?metadata=canary-3")

    assert "canary" not in "".join(str(vars(line)) for line in caplog.records) + refused.text


def test_a_final_batch_goes_when_its_own_retention_ends(api: Api) -> None:
    batch_id = completed(api, query="?retain_for=90s")
    timed(api).let_time_pass(89)
    before = get(api, batch_id).status_code
    timed(api).let_time_pass(2)

    after = [get(api, batch_id, what) for what in ("", "/results", "/errors", "/events")]

    assert before == 200
    assert [(response.status_code, document_of(response)["code"]) for response in after] == [(410, "batch_gone")] * 4
    assert document_of(api.client.get(LIST))["data"] == []


@pytest.mark.parametrize("what", ["/cancel", "/retry", "/webhook/redeliver"])
def test_nothing_can_be_done_with_a_batch_past_its_own_retention(api: Api, what: str) -> None:
    batch_id = completed(api, query="?retain_for=90s")
    timed(api).let_time_pass(91)

    response = api.client.post(f"{LIST}/{batch_id}{what}", data=b"row_number,height\n", content_type="text/csv")

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_a_running_batch_is_kept_however_short_its_retention_is(api: Api) -> None:
    batch_id = running(api, query="?retain_for=0")
    timed(api).let_time_pass(3600)

    read, results = get(api, batch_id), get(api, batch_id, "/results")

    assert (document_of(read)["status"], results.status_code) == ("running", 200)


def test_the_end_of_a_batch_of_which_nothing_is_kept_is_only_for_those_who_wait(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithABusyWorker)
    batch_id = submitted(api, query="?retain_for=0")
    api.batches.note_chunks(batch_id, [], rows_total=None)

    waited, later = get(api, batch_id, Prefer="wait=5"), get(api, batch_id)

    assert (waited.status_code, document_of(waited)["status"]) == (200, BatchStatus.COMPLETED)
    assert (later.status_code, document_of(later)["code"]) == (410, "batch_gone")


def test_a_repeated_upload_of_a_batch_past_its_retention_says_that_it_is_gone(api: Api) -> None:
    key = {"Idempotency-Key": "file-1"}
    batch_id = document_of(submit(api, query="?retain_for=0", headers=key))["id"]
    split(api, batch_id)
    write_part(api, batch_id, 1)
    write_part(api, batch_id, 0)
    forget(api, batch_id)

    response = submit(api, query="?retain_for=0", headers=key)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_other_terms_make_another_request(api: Api) -> None:
    key = {"Idempotency-Key": "file-1"}
    submit(api, query="?retain_for=60", headers=key)

    response = submit(api, query="?retain_for=61", headers=key)

    assert (response.status_code, document_of(response)["code"]) == (422, "idempotency_key_reused")
