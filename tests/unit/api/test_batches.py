"""What a client sees of its batches: submit, follow, read, cancel."""

import gzip
import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from werkzeug.test import TestResponse

from api.batches import LOOK_SECONDS
from api.representations import show_time
from shared.batch_files import batch_folder, errors_key, input_key, result_key
from shared.batch_jobs import split_job
from shared.batch_store import CANCELED, Batch
from shared.batches import BatchSpec, BatchStatus, Chunk, OnError, Part
from shared.errors import BatchNotFound, FileStoreFull, FileStoreUnavailable, StoreFull, StoreUnavailable
from shared.file_store import FileWriter, LocalFileStore
from shared.jobs import JobSpec
from shared.registry import ServedModel
from shared.settings import Settings
from tests.builders import manifest
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.conftest import Api, ApiMaker, document_of

CSV = b"Height (cm),name,shoe_size\n181,Ada,44\n160,Bob,37\n999,Eve,40\n"
HEADER = b"Height (cm),name,shoe_size"
RESULT_HEADER = HEADER + b",prediction,probability_female,probability_male,row_status,error_code,error_message\n"
ERROR_HEADER = HEADER + b",row_number,error_code,error_column,error_message\n"
RESULTS = (
    b"181,Ada,44,male,0.25,0.75,ok,,\n",
    b"160,Bob,37,female,0.9,0.1,ok,,\n999,Eve,40,,,,error,out_of_range,no\n",
)
ERRORS = (b"", b"999,Eve,40,3,out_of_range,Height (cm),no\n")
WHOLE = RESULT_HEADER + b"".join(RESULTS)
NEVER_GIVEN_OUT = "/v1/batches/bat_" + "a" * 32


class StoreAway(TimedRedisBatchStore):
    """A store that does not answer."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float:
        raise StoreUnavailable


class StoreWithoutMemory(TimedRedisBatchStore):
    """A store that takes no further batch."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float:
        raise StoreFull


class StoreLostAfterAccepting(TimedRedisBatchStore):
    """A store that goes away right after it accepted."""

    def find(self, batch_id: str) -> Batch | None:
        raise StoreUnavailable


class StoreWithABusyWorker(TimedRedisBatchStore):
    """A store in which a batch is completed right after somebody looked at it."""

    def find(self, batch_id: str) -> Batch | None:
        batch = super().find(batch_id)
        if batch is not None and batch.status is BatchStatus.RUNNING:
            self.note_chunks(batch_id, [], rows_total=0)
        return batch


class FilesAway(LocalFileStore):
    """A file store that does not answer."""

    def open_writer(self, key: str) -> Any:
        raise FileStoreUnavailable


class FilesThatStay(LocalFileStore):
    """A file store that goes away before it deletes."""

    def delete_folder(self, prefix: str) -> None:
        raise FileStoreUnavailable


class FilesFull(LocalFileStore):
    """A file store without room."""

    def open_writer(self, key: str) -> Any:
        raise FileStoreFull


def submit(
    api: Api, body: bytes = CSV, query: str = "", content_type: str = "text/csv", **options: Any
) -> TestResponse:
    return api.client.post(f"/v1/batches{query}", data=body, content_type=content_type, **options)


def submitted(api: Api, body: bytes = CSV, query: str = "") -> str:
    """Return the id of a batch that was accepted."""
    response = submit(api, body, query)
    assert response.status_code == 202
    batch_id = document_of(response)["id"]
    assert isinstance(batch_id, str)
    return batch_id


def batch_of(api: Api, batch_id: str) -> Batch:
    batch = api.batches.find(batch_id)
    assert batch is not None
    return batch


def write(api: Api, key: str, content: bytes) -> None:
    writer: FileWriter
    with api.files.open_writer(key) as writer:
        writer.write(content)


def write_part(api: Api, batch_id: str, index: int, *, token: str = "t1") -> None:
    """Do what a worker does with a chunk."""
    write(api, result_key(batch_id, index, token), RESULTS[index])
    write(api, errors_key(batch_id, index, token), ERRORS[index])
    failed = ERRORS[index].count(b"\n")
    part = Part(
        token=token,
        rows=index + 1,
        failed=failed,
        result_bytes=len(RESULTS[index]),
        error_bytes=len(ERRORS[index]),
        errors_by_code={"out_of_range": failed} if failed else {},
    )
    assert api.batches.record_part(batch_id, index, part)


def split(api: Api, batch_id: str, *, rows_total: int | None = 3) -> None:
    """Do what a worker does first: find both chunks."""
    chunks = [Chunk(0, start=27, stop=38, first_row=1, rows=1), Chunk(1, start=38, stop=60, first_row=2, rows=2)]
    api.batches.note_chunks(batch_id, chunks, rows_total=rows_total)


def completed(api: Api) -> str:
    """Return the id of a batch that the workers have finished."""
    batch_id = submitted(api)
    split(api, batch_id)
    write_part(api, batch_id, 1)
    write_part(api, batch_id, 0)
    return batch_id


def running(api: Api) -> str:
    """Return the id of a batch of which one chunk of two is done."""
    batch_id = submitted(api)
    split(api, batch_id)
    write_part(api, batch_id, 0)
    return batch_id


def timed(api: Api) -> TimedRedisBatchStore:
    assert isinstance(api.batches, TimedRedisBatchStore)
    return api.batches


def forget(api: Api, batch_id: str) -> None:
    """Do what housekeeping does after the retention."""
    api.files.delete_folder(batch_folder(batch_id))
    api.batches.forget(batch_id)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def codes(response: TestResponse) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document_of(response)["errors"]]


def get(api: Api, batch_id: str, what: str = "", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.get(f"/v1/batches/{batch_id}{what}", headers=named)


def test_a_submitted_batch_is_accepted_at_its_location(api: Api) -> None:
    response = submit(api)

    batch_id = document_of(response)["id"]
    assert response.status_code == 202
    assert batch_id.startswith("bat_")
    assert (response.headers["Location"], response.headers["Retry-After"]) == (f"/v1/batches/{batch_id}", "1")


def test_an_accepted_batch_is_the_document_of_the_contract(api: Api) -> None:
    document = document_of(submit(api))

    url = f"/v1/batches/{document['id']}"
    assert document == {
        "id": document["id"],
        "object": "batch",
        "status": "queued",
        "outcome": None,
        "counts": {"total": None, "succeeded": 0, "failed": 0, "pending": None},
        "percent": 0.0,
        "rows_per_second": None,
        "eta_seconds": None,
        "errors_by_code": {},
        "model": {"name": "gender", "version": "1", "sha256": "0" * 64},
        "columns": {"Height (cm)": "height", "shoe_size": "shoe_size"},
        "chunks": {"total": None, "done": 0},
        "error": None,
        "created_at": show_time(batch_of(api, document["id"]).created_at),
        "started_at": None,
        "completed_at": None,
        "expires_at": None,
        "urls": {
            "self": url,
            "results": f"{url}/results",
            "errors": f"{url}/errors",
            "events": f"{url}/events",
            "cancel": f"{url}/cancel",
            "retry": f"{url}/retry",
        },
    }


def test_an_accepted_batch_can_be_read_at_its_location(api: Api) -> None:
    response = submit(api)

    read = api.client.get(response.headers["Location"])

    assert (read.status_code, document_of(read)) == (200, document_of(response))
    assert read.headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(CSV, id="small"),
        pytest.param(b"\xef\xbb\xbf" + CSV.replace(b"\n", b"\r\n"), id="with a byte order mark"),
        pytest.param(CSV + b"181,Ada,44\n" * 200_000, id="larger than what is looked at"),
    ],
)
def test_the_file_is_stored_byte_for_byte(api: Api, body: bytes) -> None:
    batch_id = submitted(api, body)

    assert b"".join(api.files.read(input_key(batch_id))) == body
    assert batch_of(api, batch_id).spec.input_bytes == len(body)


def test_a_packed_file_is_stored_unpacked(api: Api) -> None:
    batch_id = submitted(api, gzip.compress(CSV))

    assert b"".join(api.files.read(input_key(batch_id))) == CSV


def test_a_file_of_a_form_is_stored_without_the_form(api: Api) -> None:
    response = api.client.post("/v1/batches", data={"file": (io.BytesIO(CSV), "../../people.csv")})

    assert response.status_code == 202
    assert b"".join(api.files.read(input_key(document_of(response)["id"]))) == CSV


def test_the_first_step_is_accepted_and_sent_to_the_workers(api: Api) -> None:
    batch_id = submitted(api)

    assert api.broker.sent == [[split_job(batch_of(api, batch_id).spec)]]


def test_a_batch_is_accepted_as_it_was_asked_for(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(version=version), is_ready=True) for version in ("2", "1")])

    response = submit(
        api,
        b"size;Body height\n44;181\n",
        "?model=gender&version=1&on_error=abort&max_error_ratio=0.05&delimiter=;&encoding=latin-1"
        "&column=height:Body height&column=shoe_size:size",
        headers={"Cancel-After": "90s"},
    )

    spec = batch_of(api, document_of(response)["id"]).spec
    assert (spec.model.version, spec.on_error, spec.max_error_ratio) == ("1", OnError.ABORT, 0.05)
    assert (spec.layout.dialect.delimiter, spec.layout.dialect.encoding) == (";", "latin-1")
    assert (spec.layout.feature_columns, spec.deadline_seconds) == ((1, 0), 90.0)


@pytest.mark.parametrize("name", ["tab", "%09", "%5Ct"])
def test_a_tab_can_be_named(api: Api, name: str) -> None:
    batch_id = submitted(api, CSV.replace(b",", b"\t"), f"?delimiter={name}")

    assert batch_of(api, batch_id).spec.layout.dialect.delimiter == "\t"


def test_a_broker_that_is_down_still_accepts(api: Api) -> None:
    api.broker.is_down = True

    batch_id = submitted(api)

    assert document_of(get(api, batch_id))["status"] == "queued"


@pytest.mark.parametrize(
    ("batches", "code"),
    [
        pytest.param(StoreAway, "store_unavailable", id="away"),
        pytest.param(StoreWithoutMemory, "store_full", id="full"),
    ],
)
def test_a_store_that_cannot_accept_leaves_no_file(make_api: ApiMaker, tmp_path: Path, batches: Any, code: str) -> None:
    api = make_api(batches=batches)

    response = submit(api)

    assert (response.status_code, document_of(response)["code"], document_of(response)["retryable"]) == (
        503,
        code,
        True,
    )
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_files_that_cannot_be_deleted_are_logged(make_api: ApiMaker, caplog: pytest.LogCaptureFixture) -> None:
    api = make_api(batches=StoreAway, files=FilesThatStay)

    response = submit(api)

    assert (response.status_code, document_of(response)["code"]) == (503, "store_unavailable")
    assert [vars(record)["folder"] for record in caplog.records if "left behind" in record.message] != []


def test_a_store_lost_after_accepting_does_not_hide_the_accepted_batch(make_api: ApiMaker) -> None:
    response = submit(make_api(batches=StoreLostAfterAccepting))

    assert response.status_code == 202
    assert "Location" in response.headers


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param(FilesAway, "file_store_unavailable", id="away"),
        pytest.param(FilesFull, "file_store_full", id="full"),
    ],
)
def test_a_file_store_that_cannot_be_written_is_an_outage(make_api: ApiMaker, files: Any, code: str) -> None:
    api = make_api(files=files)

    response = submit(api)

    assert (response.status_code, document_of(response)["code"], document_of(response)["retryable"]) == (
        503,
        code,
        True,
    )
    assert response.headers["Retry-After"] == "2"
    assert api.broker.sent == []


@pytest.mark.parametrize("query", ["?model=gendre", "?version=7", "?model=gender&version=7"])
def test_a_model_that_is_not_served_is_not_found(api: Api, tmp_path: Path, query: str) -> None:
    response = submit(api, query=query)

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [pytest.param(CSV + b"181,Ada,44\n" * 100, id="as sent"), pytest.param(gzip.compress(CSV * 100), id="unpacked")],
)
def test_a_file_over_the_limit_is_too_large(make_api: ApiMaker, tmp_path: Path, body: bytes) -> None:
    api = make_api(max_upload_bytes=1_000)

    response = submit(api, body)

    assert response.status_code == 413
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


def test_a_file_may_be_as_large_as_the_limit(make_api: ApiMaker) -> None:
    api = make_api(max_upload_bytes=len(CSV), max_body_bytes=10)

    assert submit(api).status_code == 202


def test_a_body_that_ends_too_early_leaves_no_file(api: Api, tmp_path: Path) -> None:
    response = submit(api, environ_overrides={"CONTENT_LENGTH": str(len(CSV) + 10)})

    assert response.status_code == 400
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "image/png"])
def test_a_body_of_another_type_is_not_supported(api: Api, content_type: str) -> None:
    response = submit(api, content_type=content_type)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (415, "unsupported_media_type")
    assert "text/csv" in document["detail"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"", [("", "empty_file")], id="empty"),
        pytest.param(b"height,shoe_size\n", [("", "no_rows")], id="header only"),
        pytest.param("height,shoe_size\n1,2\n".encode("utf-16"), [("", "unsupported_encoding")], id="UTF-16"),
        pytest.param(b"PK\x03\x04\0\0", [("", "not_csv")], id="a spreadsheet"),
        pytest.param(b"x" * (1 << 20) + b"\n1\n", [("", "header_too_long")], id="no end of line"),
        pytest.param(b"height\n181\n", [("/columns/shoe_size", "missing_column")], id="missing column"),
        pytest.param(
            b"height,Height,shoe_size\n1,2,3\n", [("/columns/height", "ambiguous_column")], id="ambiguous column"
        ),
        pytest.param(b"height,shoe_size" + b",x" * 9_999 + b"\n1\n", [("", "too_many_columns")], id="many columns"),
        pytest.param(gzip.compress(CSV)[:-9], [("", "bad_compression")], id="damaged"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_and_not_stored(
    api: Api, tmp_path: Path, body: bytes, expected: list[tuple[str, str]]
) -> None:
    response = submit(api, body)

    assert (response.status_code, document_of(response)["code"]) == (422, "invalid_input")
    assert codes(response) == expected
    assert (files_in(tmp_path), api.broker.sent) == ([], [])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("?on_eror=abort", ["/query/on_eror"], id="no such parameter"),
        pytest.param("?on_error=stop", ["/query/on_error"], id="on_error"),
        pytest.param("?max_error_ratio=5%25", ["/query/max_error_ratio"], id="a percentage"),
        pytest.param("?max_error_ratio=1.1", ["/query/max_error_ratio"], id="more than all"),
        pytest.param("?max_error_ratio=-0.1", ["/query/max_error_ratio"], id="less than none"),
        pytest.param("?max_error_ratio=nan", ["/query/max_error_ratio"], id="NaN"),
        pytest.param("?dry_run=perhaps", ["/query/dry_run"], id="dry_run"),
        pytest.param("?column=height", ["/query/column"], id="a column without a header"),
        pytest.param("?column=:x", ["/query/column"], id="a column without a feature"),
        pytest.param("?column=height:Height%20(cm)&column=height:name", ["/query/column"], id="a feature twice"),
        pytest.param("?column=height:x&column=shoe_size:%20x", ["/query/column"], id="a column twice"),
        pytest.param("?column=hieght:name", ["/query/column"], id="a column of no feature"),
        pytest.param("?on_error=stop&dry_run=2", ["/query/on_error", "/query/dry_run"], id="several"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused(api: Api, query: str, expected: list[str]) -> None:
    response = submit(api, query=query)

    assert response.status_code == 422
    assert codes(response) == [(pointer, "bad_parameter") for pointer in expected]


@pytest.mark.parametrize("parameter", ["on_error=abort", "max_error_ratio=0", "max_error_ratio=1", "dry_run=FALSE"])
def test_a_parameter_that_can_be_is_accepted(api: Api, parameter: str) -> None:
    assert submit(api, query=f"?{parameter}").status_code == 202


def test_an_unknown_parameter_comes_with_the_nearest_one(api: Api) -> None:
    response = submit(api, query="?on_eror=abort")

    assert "'on_error'" in document_of(response)["detail"]


def test_a_dry_run_stores_nothing(api: Api, tmp_path: Path, redis: Redis, settings: Any) -> None:
    response = submit(api, query="?dry_run=true")

    assert response.status_code == 200
    assert (files_in(tmp_path), api.broker.sent) == ([], [])
    assert list(redis.scan_iter(f"{settings.key_root}batch*")) == []


def test_a_dry_run_shows_how_the_file_would_be_read(api: Api) -> None:
    document = document_of(submit(api, query="?dry_run=true"))

    assert document == {
        "object": "batch_preview",
        "model": {"name": "gender", "version": "1", "sha256": "0" * 64},
        "columns": {"Height (cm)": "height", "shoe_size": "shoe_size"},
        "unused_columns": ["name"],
        "delimiter": ",",
        "encoding": "utf-8",
        "sampled_rows": 3,
        "sample_errors": [
            {
                "row_number": 3,
                "error_code": "out_of_range",
                "error_column": "Height (cm)",
                "error_message": "999 is outside 100 to 250 cm",
            }
        ],
        "estimated_rows": 3,
        "estimated_seconds": None,
    }


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        pytest.param(b",Ada,44", "missing_value", "Height (cm)", id="an empty cell"),
        pytest.param(b"  ,Ada,44", "missing_value", "Height (cm)", id="a cell of spaces"),
        pytest.param(b"tall,Ada,44", "not_a_number", "Height (cm)", id="a word"),
        pytest.param(b'"181,5",Ada,44', "not_a_number", "Height (cm)", id="a decimal comma"),
        pytest.param(b"1_81,Ada,44", "not_a_number", "Height (cm)", id="an underscore among digits"),
        pytest.param("١٨١,Ada,44".encode(), "not_a_number", "Height (cm)", id="digits of another script"),
        pytest.param(b"nan,Ada,44", "not_a_number", "Height (cm)", id="NaN"),
        pytest.param(b"181,Ada,9", "out_of_range", "shoe_size", id="a size of another country"),
        pytest.param(b"181,Ada", "wrong_column_count", None, id="a cell less"),
        pytest.param(b"181,Ada,44,5", "wrong_column_count", None, id="a cell more"),
    ],
)
def test_a_dry_run_names_bad_rows(api: Api, row: bytes, code: str, column: str | None) -> None:
    body = HEADER + b"\n181,Ada,44\n\n" + row + b"\n"

    errors = document_of(submit(api, body, "?dry_run=true"))["sample_errors"]

    assert [(error["row_number"], error["error_code"], error["error_column"]) for error in errors] == [
        (2, code, column)
    ]


def test_a_dry_run_names_a_cell_that_is_no_text_in_its_encoding(api: Api) -> None:
    body = HEADER + b"\n181,\xff,44\n\xff,Ada,44\n"

    errors = document_of(submit(api, body, "?dry_run=true&encoding=utf-8"))["sample_errors"]

    assert [(error["row_number"], error["error_code"]) for error in errors] == [(2, "not_decodable")]


def test_a_dry_run_accepts_cells_with_spaces_around_their_number(api: Api) -> None:
    document = document_of(submit(api, HEADER + b'\n 181 ,Ada,"44"\n', "?dry_run=true"))

    assert document["sample_errors"] == []


@pytest.mark.parametrize(
    ("pack", "estimate"),
    [
        pytest.param(bytes, pytest.approx(150_000, rel=0.02), id="plain"),
        pytest.param(gzip.compress, None, id="packed, so that its size is not known"),
    ],
)
def test_a_dry_run_of_a_large_file_estimates_its_rows(api: Api, pack: Any, estimate: Any) -> None:
    body = HEADER + b"\n" + b"".join(b"181,person %07d,44\n" % number for number in range(150_000))

    document = document_of(submit(api, pack(body), "?dry_run=true"))

    assert document["sampled_rows"] == 1_000
    assert document["estimated_rows"] == estimate


def test_a_dry_run_of_a_file_that_cannot_be_scored_is_refused(api: Api) -> None:
    response = submit(api, b"heigth,shoe_size\n181,44\n", "?dry_run=true")

    assert response.status_code == 422
    assert "column=height:heigth" in document_of(response)["detail"]


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

    with api.waiters.place("another"):
        response = get(api, batch_id, Prefer="wait=30")

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


def test_a_waiting_client_gives_its_place_back(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)

    get(api, submitted(api), Prefer="wait")

    with api.waiters.place("another") as event:
        assert event is not None


@pytest.mark.parametrize("path", ["", "/events"])
def test_a_short_wait_is_short(make_api: ApiMaker, path: str) -> None:
    api = make_api(max_wait_seconds=0.05)
    batch_id = submitted(api)
    start = time.monotonic()

    get(api, batch_id, path, Prefer="wait").get_data()

    assert time.monotonic() - start < LOOK_SECONDS


@pytest.mark.parametrize("path", ["", "/results", "/errors", "/events"])
def test_a_batch_that_never_was_is_not_found(api: Api, path: str) -> None:
    response = api.client.get(f"{NEVER_GIVEN_OUT}{path}")

    assert (response.status_code, document_of(response)["code"]) == (404, BatchNotFound.code)


@pytest.mark.parametrize("path", ["", "/results", "/errors", "/events"])
def test_a_batch_past_its_retention_is_gone(api: Api, path: str) -> None:
    batch_id = completed(api)
    forget(api, batch_id)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_a_batch_past_its_deadline_has_expired(api: Api) -> None:
    batch_id = document_of(submit(api, headers={"Cancel-After": "90s"}))["id"]
    timed(api).let_time_pass(91)

    document = document_of(get(api, batch_id))

    assert (document["status"], document["error"]["code"]) == ("expired", "deadline_passed")


@pytest.mark.parametrize("path", ["/results", "/errors"])
def test_files_are_not_begun_when_they_are_about_to_be_deleted(api: Api, settings: Settings, path: str) -> None:
    batch_id = completed(api)
    timed(api).let_time_pass(settings.retention_seconds + 1)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_results_whose_columns_are_not_known_are_an_outage(api: Api, make_api: ApiMaker) -> None:
    batch_id = completed(api)

    response = get(make_api(models=[]), batch_id, "/results")

    assert (response.status_code, document_of(response)["code"]) == (503, "no_model_served")


def test_the_id_of_a_prediction_is_no_batch(api: Api) -> None:
    prediction_id = document_of(api.submit())["id"]

    assert get(api, prediction_id).status_code == 404


@pytest.mark.parametrize("action", ["GET", "POST /cancel"])
def test_a_step_of_a_batch_is_no_prediction(api: Api, action: str) -> None:
    method, _, path = action.partition(" ")
    step = split_job(batch_of(api, submitted(api)).spec)
    api.jobs.accept([step])

    response = api.client.open(f"/v1/predictions/{step.id}{path}", method=method)

    assert (response.status_code, document_of(response)["code"]) == (404, "prediction_not_found")


def test_the_results_are_the_header_and_every_row_in_the_order_of_the_file(api: Api) -> None:
    response = get(api, completed(api), "/results")

    assert (response.status_code, response.data) == (200, WHOLE)
    assert (response.headers["X-Complete"], response.mimetype) == ("true", "text/csv")
    assert response.headers["Content-Length"] == str(len(WHOLE))


def test_the_errors_are_the_header_and_the_rows_without_a_prediction(api: Api) -> None:
    response = get(api, completed(api), "/errors")

    assert (response.status_code, response.data) == (200, ERROR_HEADER + ERRORS[1])


@pytest.mark.parametrize(
    ("body", "header"),
    [
        pytest.param(b"height;shoe_size\r\n181;44\r\n", b"height;shoe_size;prediction;", id="its delimiter"),
        pytest.param(b"\xef\xbb\xbfheight,shoe_size\n1,2\n", b"\xef\xbb\xbfheight,shoe_size,", id="its mark"),
        pytest.param(b"height,shoe_size,\xe4\n1,2,x\n", b"height,shoe_size,\xe4,prediction,", id="its encoding"),
        pytest.param(b'"Height",shoe_size\n1,2\n', b'"Height",shoe_size,prediction,', id="its quotes"),
        pytest.param(
            b"\xef\xbb\xbf\n\r\nheight,shoe_size\n1,2\n",
            b"\xef\xbb\xbfheight,shoe_size,prediction,",
            id="without empty lines before it",
        ),
    ],
)
def test_the_header_of_the_input_comes_back_untouched(api: Api, body: bytes, header: bytes) -> None:
    response = get(api, submitted(api, body), "/results")

    assert response.data.startswith(header)


def test_the_results_end_their_header_as_the_input_does(api: Api) -> None:
    response = get(api, submitted(api, b"height,shoe_size\r\n181,44\r\n"), "/results")

    assert response.data.endswith(b",row_status,error_code,error_message\r\n")


def test_a_class_that_holds_a_delimiter_is_quoted_in_the_header(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(manifest(classes=("a,b", 'c"d')), is_ready=True)])

    response = get(api, submitted(api), "/results")

    assert b',prediction,"probability_a,b","probability_c""d",row_status' in response.data


def test_the_rows_done_so_far_can_be_read_while_a_batch_runs(api: Api) -> None:
    response = get(api, running(api), "/results")

    assert (response.status_code, response.data) == (200, RESULT_HEADER + RESULTS[0])
    assert response.headers["X-Complete"] == "false"
    assert "ETag" not in response.headers


def test_rows_behind_a_gap_are_not_shown_yet(api: Api) -> None:
    batch_id = submitted(api)
    split(api, batch_id)
    write_part(api, batch_id, 1)

    assert get(api, batch_id, "/results").data == RESULT_HEADER


def test_the_rows_of_a_canceled_batch_can_be_read(api: Api) -> None:
    batch_id = running(api)
    api.batches.end(batch_id, BatchStatus.CANCELED, CANCELED)

    response = get(api, batch_id, "/results")

    assert (response.data, response.headers["X-Complete"]) == (RESULT_HEADER + RESULTS[0], "false")


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        pytest.param("bytes=0-9", 0, 10, id="within the header"),
        pytest.param("bytes=100-140", 100, 141, id="from the header into the rows"),
        pytest.param("bytes=150-", 150, len(WHOLE), id="to the end"),
        pytest.param("bytes=-20", len(WHOLE) - 20, len(WHOLE), id="the last ones"),
        pytest.param("bytes=150-99999", 150, len(WHOLE), id="past the end"),
        pytest.param(f"bytes={len(WHOLE) - 1}-", len(WHOLE) - 1, len(WHOLE), id="the last one"),
    ],
)
def test_a_range_of_finished_results_can_be_read(api: Api, wanted: str, start: int, stop: int) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert (response.status_code, response.data) == (206, WHOLE[start:stop])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(WHOLE)}"


@pytest.mark.parametrize("wanted", [f"bytes={len(WHOLE)}-", "bytes=99999-100000"])
def test_a_range_behind_the_end_cannot_be_satisfied(api: Api, wanted: str) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(WHOLE)}"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param("bytes=0-1,5-6", id="several"),
        pytest.param("bytes=five-six", id="no numbers"),
        pytest.param("rows=1-2", id="another unit"),
    ],
)
def test_a_range_that_is_not_understood_is_ignored(api: Api, wanted: str) -> None:
    response = get(api, completed(api), "/results", Range=wanted)

    assert (response.status_code, response.data) == (200, WHOLE)


def test_a_range_of_results_that_still_grow_is_ignored(api: Api) -> None:
    response = get(api, running(api), "/results", Range="bytes=0-9")

    assert (response.status_code, response.data) == (200, RESULT_HEADER + RESULTS[0])


def test_a_range_of_the_same_file_is_continued(api: Api) -> None:
    batch_id = completed(api)
    etag = get(api, batch_id, "/results").headers["ETag"]

    response = get(api, batch_id, "/results", Range="bytes=150-", If_Range=etag)

    assert (response.status_code, response.data) == (206, WHOLE[150:])


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param('"another"', id="another etag"),
        pytest.param("Sat, 01 Jan 2022 00:00:00 GMT", id="a date"),
    ],
)
def test_a_range_of_what_may_be_another_file_is_not_continued(api: Api, condition: str) -> None:
    response = get(api, completed(api), "/results", Range="bytes=150-", If_Range=condition)

    assert (response.status_code, response.data) == (200, WHOLE)


def test_finished_results_that_a_client_has_are_not_sent_again(api: Api) -> None:
    batch_id = completed(api)
    etag = get(api, batch_id, "/results").headers["ETag"]

    response = get(api, batch_id, "/results", If_None_Match=etag)

    assert (response.status_code, response.data) == (304, b"")


def test_results_and_errors_are_saved_under_names_of_their_own(api: Api) -> None:
    batch_id = completed(api)

    names = [get(api, batch_id, path).headers["Content-Disposition"] for path in ("/results", "/errors")]

    assert names == [f'attachment; filename="{batch_id}-{what}.csv"' for what in ("results", "errors")]


@pytest.mark.parametrize("path", ["/results", "/errors"])
@pytest.mark.parametrize(
    "folder",
    [pytest.param("", id="all of them"), pytest.param("/parts", id="the parts, which are deleted first")],
)
def test_files_past_their_retention_are_gone(api: Api, path: str, folder: str) -> None:
    batch_id = completed(api)
    api.files.delete_folder(batch_folder(batch_id) + folder)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def events_of(response: TestResponse) -> Sequence[tuple[str, dict[str, Any]]]:
    """Return name and document of each event."""
    blocks = [block.split("\n") for block in response.text.split("\n\n") if "data: " in block]
    return [(lines[0].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))) for lines in blocks]


def test_the_events_of_a_completed_batch_are_its_end(api: Api) -> None:
    batch_id = completed(api)

    response = get(api, batch_id, "/events")

    assert (response.status_code, response.mimetype) == (200, "text/event-stream")
    assert events_of(response) == [("completed", document_of(get(api, batch_id)))]


def test_the_events_of_a_running_batch_end_with_its_end(make_api: ApiMaker) -> None:
    api = make_api(batches=StoreWithABusyWorker)
    batch_id = submitted(api)
    api.batches.note_chunks(batch_id, [], rows_total=None)

    events = events_of(get(api, batch_id, "/events"))

    assert [(name, document["status"]) for name, document in events] == [
        ("progress", "running"),
        ("completed", "completed"),
    ]


def test_events_end_with_the_longest_wait_so_that_the_client_connects_again(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=0.05)

    response = get(api, submitted(api), "/events")

    assert [name for name, _document in events_of(response)] == ["progress"]
    assert response.text.startswith("retry: ")


def test_events_end_after_the_first_when_too_many_clients_wait(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    batch_id = running(api)

    with api.waiters.place("another"):
        events = events_of(get(api, batch_id, "/events"))

    assert [(name, document["status"]) for name, document in events] == [("progress", "running")]


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
