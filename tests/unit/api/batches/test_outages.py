"""What a client of batches sees while something behind the API is away or full."""

from pathlib import Path
from typing import Any

import pytest

from shared.batch_store import Batch
from shared.batches import BatchSpec
from shared.errors import FileStoreFull, FileStoreUnavailable, NotReplicated, StoreFull, StoreUnavailable
from shared.file_store import LocalFileStore
from shared.jobs import JobSpec
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.batches.conftest import completed, files_in, get, submit, submitted
from tests.unit.api.conftest import Api, ApiMaker, document_of


class StoreAway(TimedRedisBatchStore):
    """A store that does not answer."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float:
        raise StoreUnavailable


class StoreWithoutMemory(TimedRedisBatchStore):
    """A store that takes no further batch."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float:
        raise StoreFull


class StoreWithoutReplicas(TimedRedisBatchStore):
    """A store that accepts, and whose replicas do not confirm it."""

    def accept(self, spec: BatchSpec, first_step: JobSpec) -> float:
        super().accept(spec, first_step)
        raise NotReplicated


class StoreLostAfterAccepting(TimedRedisBatchStore):
    """A store that goes away right after it accepted."""

    def find(self, batch_id: str) -> Batch | None:
        raise StoreUnavailable


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


def test_a_batch_that_is_recorded_but_not_promised_keeps_its_file(make_api: ApiMaker, tmp_path: Path) -> None:
    api = make_api(batches=StoreWithoutReplicas)

    response = submit(api)

    assert (response.status_code, document_of(response)["code"], response.headers["Retry-After"]) == (
        503,
        "not_replicated",
        "2",
    )
    assert len(files_in(tmp_path)) == 1


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


def test_a_batch_stays_readable_when_no_worker_has_its_model_any_more(api: Api, make_api: ApiMaker) -> None:
    batch_id = completed(api)

    later = make_api(models=[])

    assert get(later, batch_id, "/results").data == get(api, batch_id, "/results").data
    assert get(later, batch_id, "/errors").data == get(api, batch_id, "/errors").data
    assert document_of(get(later, batch_id))["columns"] == {"Height (cm)": "height", "shoe_size": "shoe_size"}
