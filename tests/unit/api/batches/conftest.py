"""What a client does with its batches, and what stands in for the workers that score them."""

from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from shared.batch_files import batch_folder, errors_key, result_key
from shared.batch_store import Batch
from shared.batches import BatchStatus, Chunk, Part
from shared.file_store import FileWriter
from tests.fakes import TimedRedisBatchStore
from tests.unit.api.conftest import Api, document_of

CSV = b"Height (cm),name,shoe_size\n181,Ada,44\n160,Bob,37\n999,Eve,40\n"
HEADER = b"Height (cm),name,shoe_size"
RESULTS = (
    b"181,Ada,44,male,0.25,0.75,ok,,\n",
    b"160,Bob,37,female,0.9,0.1,ok,,\n999,Eve,40,,,,error,out_of_range,no\n",
)
ERRORS = (b"", b"999,Eve,40,3,out_of_range,Height (cm),no\n")
NEVER_GIVEN_OUT = "/v1/batches/bat_" + "a" * 32


class StoreWithABusyWorker(TimedRedisBatchStore):
    """A store in which a batch is completed right after somebody looked at it."""

    def find(self, batch_id: str) -> Batch | None:
        batch = super().find(batch_id)
        if batch is not None and batch.status is BatchStatus.RUNNING:
            self.note_chunks(batch_id, [], rows_total=0)
        return batch


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


def completed(api: Api, query: str = "") -> str:
    """Return the id of a batch that the workers have finished."""
    batch_id = submitted(api, query=query)
    split(api, batch_id)
    write_part(api, batch_id, 1)
    write_part(api, batch_id, 0)
    return batch_id


def running(api: Api, query: str = "") -> str:
    """Return the id of a batch of which one chunk of two is done."""
    batch_id = submitted(api, query=query)
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


def get(api: Api, batch_id: str, what: str = "", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.get(f"/v1/batches/{batch_id}{what}", headers=named)
