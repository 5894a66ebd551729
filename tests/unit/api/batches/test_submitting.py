"""What a client sees of a batch that is accepted."""

import gzip
import io

import pytest

from api.representations import show_time
from shared.batch_files import input_key
from shared.batch_jobs import split_job
from shared.batches import Formulas, OnError
from shared.registry import ServedModel
from tests.builders import manifest
from tests.unit.api.batches.conftest import CSV, batch_of, submit, submitted
from tests.unit.api.conftest import Api, ApiMaker, document_of


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
        "formulas": "keep",
        "retain_for": None,
        "metadata": {},
        "webhook_status": None,
        "webhook": None,
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
        "?model=gender&version=1&on_error=abort&max_error_ratio=0.05&formulas=escape&delimiter=;&encoding=latin-1"
        "&column=height:Body height&column=shoe_size:size",
        headers={"Cancel-After": "90s"},
    )

    spec = batch_of(api, document_of(response)["id"]).spec
    assert (spec.model.version, spec.on_error, spec.max_error_ratio) == ("1", OnError.ABORT, 0.05)
    assert (spec.formulas, document_of(response)["formulas"]) == (Formulas.ESCAPE, "escape")
    assert (spec.layout.dialect.delimiter, spec.layout.dialect.encoding) == (";", "latin-1")
    assert (spec.layout.feature_columns, spec.deadline_seconds) == ((1, 0), 90.0)


@pytest.mark.parametrize("name", ["tab", "%09", "%5Ct"])
def test_a_tab_can_be_named(api: Api, name: str) -> None:
    batch_id = submitted(api, CSV.replace(b",", b"\t"), f"?delimiter={name}")

    assert batch_of(api, batch_id).spec.layout.dialect.delimiter == "\t"
