"""What a client sees when it sends mended rows: they are taken with every column in place, or not at all."""

from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared.batch_files import batch_folder, mend_key
from shared.batch_jobs import mend_job
from shared.batch_store import CANCELED, Batch
from shared.batches import BatchStatus, Chunk, Mend, Part
from shared.errors import StoreUnavailable
from shared.job_terms import Earlier
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.conftest import Api, ApiMaker, document_of

CSV = "Height (cm),name,shoe_size\n181,Ada,44\n999,Eve,40\n"
ERRORS = "Height (cm),name,shoe_size,row_number,error_code,error_column,error_message\n"
MENDED = ERRORS + "159,Eve,40,2,out_of_range,Height (cm),no\n"


class StoreLostAfterMending(TimedRedisBatchStore):
    """A store that goes away right after it took mended rows."""

    is_lost = False

    def accept_mend(self, *arguments: Any, **more: Any) -> str:
        verdict = super().accept_mend(*arguments, **more)
        self.is_lost = True
        return verdict

    def find(self, batch_id: str) -> Batch | None:
        if self.is_lost:
            raise StoreUnavailable
        return super().find(batch_id)


class StoreThatGetsBusy(TimedRedisBatchStore):
    """A store in which whatever comes after the first batch would wait for a minute, unless it comes under a key."""

    wait_seconds = 0.0

    def accept(self, *arguments: Any) -> float | Earlier | None:
        accepted = super().accept(*arguments)
        self.wait_seconds = 60.0
        return accepted

    def find_wait_seconds(self, once_key: str = "") -> float | None:
        return None if once_key else self.wait_seconds


def submitted(api: Api, body: bytes = CSV.encode(), query: str = "") -> str:
    """Return the id of a batch that was accepted."""
    response = api.client.post(f"/v1/batches{query}", data=body, content_type="text/csv")
    batch_id = document_of(response)["id"]
    assert isinstance(batch_id, str)
    return batch_id


def completed(api: Api, body: bytes = CSV.encode(), query: str = "") -> str:
    """Return the id of a batch of two rows, one of them without a prediction."""
    batch_id = submitted(api, body, query)
    api.batches.note_chunks(batch_id, [Chunk(0, start=27, stop=49, first_row=1, rows=2)], rows_total=2)
    assert api.batches.record_part(batch_id, 0, Part("t1", 2, 1, 30, 20, {"out_of_range": 1}))
    return batch_id


def retry(api: Api, batch_id: str, body: str | bytes = MENDED, content_type: str = "text/csv") -> TestResponse:
    return api.client.post(f"/v1/batches/{batch_id}/retry", data=body, content_type=content_type)


def mend_of(api: Api, batch_id: str) -> Mend:
    return api.batches.get_mend(batch_id, 1)


def mended_files(folder: Path, batch_id: str) -> list[Path]:
    mends = folder / batch_folder(batch_id) / "mends"
    return [path for path in mends.rglob("*") if path.is_file()]


def codes(response: TestResponse) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document_of(response)["errors"]]


def test_mended_rows_are_accepted_and_the_batch_runs_again(api: Api) -> None:
    batch_id = completed(api)

    response = retry(api, batch_id)

    document = document_of(response)
    assert (response.status_code, document["id"], document["status"]) == (202, batch_id, "running")
    assert (document["completed_at"], document["expires_at"]) == (None, None)
    assert (response.headers["Location"], response.headers["Retry-After"]) == (f"/v1/batches/{batch_id}", "1")


def test_the_step_that_merges_them_is_accepted_and_sent_to_the_workers(api: Api) -> None:
    batch_id = completed(api)
    batch = api.batches.find(batch_id)
    assert batch is not None

    retry(api, batch_id)

    assert api.broker.sent[1:] == [[mend_job(batch.spec, 1)]]


def test_mended_rows_are_stored_as_they_were_sent(api: Api) -> None:
    batch_id = completed(api)

    retry(api, batch_id)

    assert b"".join(api.files.read(mend_key(batch_id, mend_of(api, batch_id).token))) == MENDED.encode()


@pytest.mark.parametrize(
    ("body", "own_columns", "row_number_column"),
    [
        pytest.param(MENDED, (0, 1, 2), 3, id="as they came"),
        pytest.param("row_number,shoe_size,name,Height (cm)\n2,40,Eve,159\n", (3, 2, 1), 0, id="in another order"),
        pytest.param(MENDED.replace(",", ";"), (0, 1, 2), 3, id="with another delimiter"),
        pytest.param("\ufeff" + MENDED, (0, 1, 2), 3, id="behind a byte order mark"),
        pytest.param("\ufeff" + MENDED.replace("\n", "\r\n"), (0, 1, 2), 3, id="with other line ends"),
        pytest.param("x,Height (cm),name,shoe_size,row_number\n,159,Eve,40,2\n", (1, 2, 3), 4, id="among others"),
    ],
)
def test_columns_are_found_wherever_a_spreadsheet_put_them(
    api: Api, body: str, own_columns: tuple[int, ...], row_number_column: int
) -> None:
    batch_id = completed(api)

    response = retry(api, batch_id, body.encode())

    mend = mend_of(api, batch_id)
    assert response.status_code == 202
    assert (mend.own_columns, mend.row_number_column) == (own_columns, row_number_column)


def test_the_rows_begin_behind_the_header(api: Api) -> None:
    batch_id = completed(api)
    body = "\ufeff" + MENDED.replace(",", ";").replace("\n", "\r\n")

    retry(api, batch_id, body.encode())

    dialect = mend_of(api, batch_id).dialect
    assert (dialect.delimiter, dialect.newline) == (";", "\r\n")
    assert body.encode()[dialect.data_start :].startswith(b"159;Eve")


@pytest.mark.parametrize(
    "names",
    [
        pytest.param("height,name,shoe_size", id="one name"),
        pytest.param("a,b,c", id="every name"),
        pytest.param("Height (cm),Unnamed: 1,shoe_size", id="a name for a column without one"),
    ],
)
def test_columns_that_a_program_renamed_are_told_by_their_places(api: Api, names: str) -> None:
    batch_id = completed(api)

    response = retry(api, batch_id, MENDED.replace("Height (cm),name,shoe_size", names, 1))

    mend = mend_of(api, batch_id)
    assert response.status_code == 202
    assert (mend.own_columns, mend.row_number_column) == ((0, 1, 2), 3)


@pytest.mark.parametrize(
    ("names", "own_columns"),
    [
        pytest.param("'=a,'=a,height,shoe_size,row_number", (0, 1, 2, 3), id="as the errors have it"),
        pytest.param("=a,'=a,height,shoe_size,row_number", (0, 1, 2, 3), id="as the input has it"),
        pytest.param("=a,=a,height,shoe_size,row_number", (0, 1, 2, 3), id="without any mark"),
        pytest.param("row_number,shoe_size,'=a,height,'=a", (2, 4, 3, 1), id="in another order"),
    ],
)
def test_a_name_that_was_escaped_is_found_with_its_mark_and_without(
    api: Api, names: str, own_columns: tuple[int, ...]
) -> None:
    batch_id = completed(api, b"=a,'=a,height,shoe_size\n1,2,181,44\n3,4,999,40\n", "?formulas=escape")

    response = retry(api, batch_id, names + "\n3,4,159,40,2\n")

    assert response.status_code == 202
    assert mend_of(api, batch_id).own_columns == own_columns


def test_columns_of_the_same_name_may_come_back_numbered(api: Api) -> None:
    batch_id = completed(api, b"height,x,x,shoe_size\n181,1,2,44\n999,3,4,40\n")

    response = retry(api, batch_id, "height,x,x.1,shoe_size,row_number\n159,3,4,40,2\n")

    assert response.status_code == 202
    assert mend_of(api, batch_id).own_columns == (0, 1, 2, 3)


def test_columns_of_the_same_name_keep_their_order(api: Api) -> None:
    batch_id = completed(api, b"height,row_number,x,x,shoe_size\n181,7,1,2,44\n999,8,3,4,40\n")

    response = retry(api, batch_id, "height,row_number,x,x,shoe_size,row_number\n159,8,3,4,40,2\n")

    mend = mend_of(api, batch_id)
    assert response.status_code == 202
    assert (mend.own_columns, mend.row_number_column) == ((0, 1, 2, 3, 4), 5)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param("Height (cm),name,shoe_size\n159,Eve,40\n", ["/columns/row_number"], id="no row_number"),
        pytest.param(MENDED.replace("row_number", "row"), ["/columns/row_number"], id="row_number renamed"),
        pytest.param("Height (cm),shoe_size,row_number\n159,40,2\n", ["/columns/name"], id="a column less"),
        pytest.param(
            "row_number,name,shoe_size,height\n2,Eve,40,159\n",
            ["/columns/Height (cm)"],
            id="renamed and moved",
        ),
        pytest.param(
            "shoe_size,name,height,row_number\n40,Eve,159,2\n", ["/columns/Height (cm)"], id="renamed, others moved"
        ),
        pytest.param("height,name,row_number\n159,Eve,2\n", ["/columns/Height (cm)", "/columns/shoe_size"], id="cut"),
    ],
)
def test_a_file_in_which_a_column_is_missing_is_refused_and_not_stored(
    api: Api, tmp_path: Path, body: str, pointers: list[str]
) -> None:
    batch_id = completed(api)

    response = retry(api, batch_id, body)

    assert response.status_code == 422
    assert codes(response) == [(pointer, "missing_column") for pointer in pointers]
    assert (mended_files(tmp_path, batch_id), len(api.broker.sent)) == ([], 1)


@pytest.mark.parametrize(
    ("body", "code"), [("", "empty_file"), (ERRORS, "no_rows"), ("PK\x03\x04\0\0", "not_csv")], ids=str
)
def test_a_file_without_rows_is_refused_and_not_stored(api: Api, tmp_path: Path, body: str, code: str) -> None:
    batch_id = completed(api)

    response = retry(api, batch_id, body)

    assert (response.status_code, codes(response)) == (422, [("", code)])
    assert (mended_files(tmp_path, batch_id), len(api.broker.sent)) == ([], 1)


def test_a_refused_file_leaves_the_batch_completed(api: Api) -> None:
    batch_id = completed(api)

    retry(api, batch_id, "name\nEve\n")

    batch = api.batches.find(batch_id)
    assert batch is not None
    assert (batch.status, batch.mends) == (BatchStatus.COMPLETED, 0)


def canceled(api: Api) -> str:
    batch_id = submitted(api)
    api.batches.end(batch_id, BatchStatus.CANCELED, CANCELED)
    return batch_id


def mending(api: Api) -> str:
    batch_id = completed(api)
    assert retry(api, batch_id).status_code == 202
    return batch_id


@pytest.mark.parametrize("make", [submitted, canceled, mending], ids=["queued", "canceled", "being mended"])
def test_mended_rows_of_a_batch_that_is_not_completed_are_a_conflict(api: Api, tmp_path: Path, make: Any) -> None:
    batch_id = make(api)
    before = mended_files(tmp_path, batch_id)

    response = retry(api, batch_id)

    assert (response.status_code, document_of(response)["code"]) == (409, "batch_not_mendable")
    assert mended_files(tmp_path, batch_id) == before


@pytest.mark.parametrize("length", [1_000, 3_000_000], ids=["small", "larger than what is looked at"])
def test_more_mended_rows_than_are_merged_at_once_are_too_large(
    make_api: ApiMaker, tmp_path: Path, length: int
) -> None:
    api = make_api(max_mended_bytes=500)
    batch_id = completed(api)

    response = retry(api, batch_id, MENDED + "x" * length)

    assert response.status_code == 413
    assert (mended_files(tmp_path, batch_id), len(api.broker.sent)) == ([], 1)


def test_another_type_is_not_supported(api: Api) -> None:
    response = retry(api, completed(api), content_type="application/json")

    assert response.status_code == 415
    assert "text/csv" in document_of(response)["detail"]


def test_a_batch_that_never_was_is_not_found(api: Api) -> None:
    assert retry(api, "bat_" + "a" * 32).status_code == 404


def test_a_broker_that_is_down_still_accepts(api: Api) -> None:
    batch_id = completed(api)
    api.broker.is_down = True

    assert retry(api, batch_id).status_code == 202


def test_a_store_lost_after_accepting_does_not_hide_that_they_were_accepted(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreLostAfterMending)

    response = retry(api, completed(api))

    assert (response.status_code, document_of(response)["status"]) == (202, "running")
    assert len(api.broker.sent) == 2


def test_mended_rows_that_would_wait_too_long_are_told_when_to_come_back(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreThatGetsBusy, max_batch_queue_seconds=50.0)

    answer = retry(api, completed(api))

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")


def test_mended_rows_need_room_though_they_bring_the_idempotency_key_of_their_file(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreThatGetsBusy, max_batch_queue_seconds=50.0)

    path = f"/v1/batches/{completed(api)}/retry"
    headers = {"Idempotency-Key": "order-4711"}

    answer = api.client.post(path, data=MENDED, content_type="text/csv", headers=headers)

    assert answer.status_code == 429
