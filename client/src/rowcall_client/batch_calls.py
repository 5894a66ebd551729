"""Everything that a server does with CSV files: how the requests look; the promises are in `client`."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

from rowcall_client.batch_watch import BatchWatch, ReportBatch, ReportTrouble, path_of_batch
from rowcall_client.batches import Batch, BatchPreview
from rowcall_client.downloads import Downloaded, ReportDownload, download_file
from rowcall_client.exchange import HttpExchange
from rowcall_client.uploads import BatchOptions, ReportBytes, Source, encode_options, open_upload


class BatchCalls:
    """The requests about batches, on one connection."""

    def __init__(self, exchange: HttpExchange, *, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._exchange = exchange
        self._sleep = sleep
        self._clock = clock

    def submit(self, source: Source, options: BatchOptions, on_progress: ReportBytes | None) -> Batch:
        with open_upload(source, on_progress) as upload:
            response = self._exchange.upload("/v1/batches", upload, encode_options(options))
        return self._exchange.decode(response, Batch.decode)

    def preview(self, source: Source, options: BatchOptions, on_progress: ReportBytes | None) -> BatchPreview:
        parameters = [*encode_options(options), ("dry_run", "true")]
        with open_upload(source, on_progress) as upload:
            response = self._exchange.upload("/v1/batches", upload, parameters)
        return self._exchange.decode(response, BatchPreview.decode)

    def retry(self, batch_id: str, source: Source, on_progress: ReportBytes | None) -> Batch:
        with open_upload(source, on_progress) as upload:
            response = self._exchange.upload(path_of_batch(batch_id, "retry"), upload)
        return self._exchange.decode(response, Batch.decode)

    def get(self, batch_id: str) -> Batch:
        return self._exchange.decode(self._exchange.send("GET", path_of_batch(batch_id)), Batch.decode)

    def cancel(self, batch_id: str) -> Batch:
        return self._exchange.decode(self._exchange.send("POST", path_of_batch(batch_id, "cancel")), Batch.decode)

    def wait(
        self,
        batch_id: str,
        timeout_seconds: float | None,
        on_progress: ReportBatch | None,
        on_trouble: ReportTrouble | None = None,
    ) -> Batch:
        watch = BatchWatch(
            self._exchange,
            batch_id,
            sleep=self._sleep,
            clock=self._clock,
            on_progress=on_progress,
            on_trouble=on_trouble,
        )
        return watch.wait(timeout_seconds)

    def download(
        self,
        batch_id: str,
        what: Literal["results", "errors"],
        target: Path | BinaryIO,
        on_progress: ReportDownload | None,
    ) -> Downloaded:
        path = path_of_batch(batch_id, what)
        return download_file(self._exchange, path, target, sleep=self._sleep, on_progress=on_progress)
