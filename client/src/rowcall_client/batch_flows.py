"""What is asked of a server about CSV files; the promises are in `client`."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import uuid4

from rowcall_client.batch_watch import BatchWatch, ReportBatch, ReportTrouble
from rowcall_client.batches import Batch, BatchPage, BatchPreview
from rowcall_client.downloads import Downloaded, ReportDownload, receive_file
from rowcall_client.uploads import BatchOptions, ReportBytes, Source, encode_options, open_upload
from rowcall_client.wire import Flow, Repeat, Request, ask, ask_for, choose, get, path_of

COLLECTION = "/v1/batches"


def submit(source: Source, options: BatchOptions, on_progress: ReportBytes | None) -> Flow[Batch]:
    headers = {"Idempotency-Key": options.get("idempotency_key") or str(uuid4())}
    with open_upload(source, on_progress) as upload:
        request = Request("POST", COLLECTION, encode_options(options), headers, upload, Repeat.ALWAYS)
        return (yield from ask_for(request, Batch.decode))


def preview(source: Source, options: BatchOptions, on_progress: ReportBytes | None) -> Flow[BatchPreview]:
    parameters = [*encode_options(options), ("dry_run", "true")]
    with open_upload(source, on_progress) as upload:
        request = Request("POST", COLLECTION, parameters, content=upload, repeat=Repeat.ALWAYS)
        return (yield from ask_for(request, BatchPreview.decode))


def retry(batch_id: str, source: Source, on_progress: ReportBytes | None) -> Flow[Batch]:
    with open_upload(source, on_progress) as upload:
        request = Request("POST", path_of("batches", batch_id, "retry"), content=upload)
        return (yield from ask_for(request, Batch.decode))


def read(batch_id: str) -> Flow[Batch]:
    return (yield from ask_for(get(path_of("batches", batch_id)), Batch.decode))


def cancel(batch_id: str) -> Flow[Batch]:
    # Canceling what is canceled changes nothing.
    request = Request("POST", path_of("batches", batch_id, "cancel"), repeat=Repeat.ALWAYS)
    return (yield from ask_for(request, Batch.decode))


def delete(batch_id: str) -> Flow[None]:
    yield from ask(Request("DELETE", path_of("batches", batch_id), repeat=Repeat.ALWAYS))


def read_page(status: str | None, model: str | None, cursor: str | None, limit: int | None) -> Flow[BatchPage]:
    parameters = choose(status=status, model=model, cursor=cursor, limit=limit)
    return (yield from ask_for(get(COLLECTION, parameters), BatchPage.decode))


def wait(
    batch_id: str,
    clock: Callable[[], float],
    *,
    timeout_seconds: float | None = None,
    on_progress: ReportBatch | None = None,
    on_trouble: ReportTrouble | None = None,
) -> Flow[Batch]:
    watch = BatchWatch(batch_id, clock=clock, on_progress=on_progress, on_trouble=on_trouble)
    return (yield from watch.wait(timeout_seconds))


def download(
    batch_id: str,
    what: Literal["results", "errors"],
    target: Path | BinaryIO,
    on_progress: ReportDownload | None,
) -> Flow[Downloaded]:
    return (yield from receive_file(path_of("batches", batch_id, what), target, on_progress))


def score(
    source: Source,
    target: Path | BinaryIO,
    options: BatchOptions,
    clock: Callable[[], float],
    on_progress: ReportBatch | None,
) -> Flow[Batch]:
    accepted = yield from submit(source, options, None)
    batch = yield from wait(accepted.id, clock, on_progress=on_progress)
    if batch.has_output:
        yield from download(batch.id, "results", target, None)
    return batch
