"""The library: submit rows or a CSV file, wait for the job, follow it, cancel it, ask which models are served.

What is asked is in the `…_flows`, how it travels in `exchange`; what the documents hold is in `predictions`, `batches`
and `models`. `async_client` has the same for those who await.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Unpack

import httpx2

from rowcall_client import DEFAULT_TIMEOUT_SECONDS, DEFAULT_URL, batch_flows, job_flows, model_flows
from rowcall_client.batch_watch import ReportBatch, ReportTrouble
from rowcall_client.batches import Batch, BatchPage, BatchPreview
from rowcall_client.connection import Connection
from rowcall_client.downloads import Downloaded, ReportDownload
from rowcall_client.event_stream import Event, EventFeed
from rowcall_client.exchange import Exchange
from rowcall_client.job_flows import JobOptions
from rowcall_client.models import Model, ModelList
from rowcall_client.operators import KeyCalls, QuarantineCalls
from rowcall_client.predictions import Prediction, PredictionPage, Row
from rowcall_client.repeats import Retries
from rowcall_client.uploads import BatchOptions, ReportBytes, Source
from rowcall_client.wire import path_of


class RowcallClient:
    """A connection to one Rowcall server.

    Keep one and use it as a context manager. It may be shared by threads.
    Every method raises ProblemError, ConnectionFailed and AnswerNotUnderstood.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        url: where the server is, http:// or https://; a path is kept as a prefix.
        api_key: sent with every request; a server may ask for one.
        timeout_seconds: limit for connecting and for each answer, on top of any wait asked for.
        retries: how often one request is sent, where that can do no harm.
        transport, sleep, clock, chance: for tests.
        Raises ValueError for an address that is none.
        """
        connection = Connection.make(url, api_key, timeout_seconds, retries)
        self._exchange = Exchange(connection, transport=transport, sleep=sleep, chance=chance)
        self._clock = clock

    @property
    def url(self) -> str:
        """Address of the server, without a slash at its end."""
        return self._exchange.connection.url

    def submit(self, rows: Row | Sequence[Row], **options: Unpack[JobOptions]) -> Prediction:
        """Hand in one row or an array of rows, and return the job without waiting for it.

        rows: one row, feature name to value, or an array of rows, which makes an output array in the same order.
        Sent again when the answer is lost, and still one job: by its `Idempotency-Key`, or by an id of your own.
        Raises ValueError when a value is NaN or infinite.
        """
        return self._exchange.run(job_flows.submit(rows, options))

    def predict(
        self, rows: Row | Sequence[Row], *, wait_seconds: float = 30.0, **options: Unpack[JobOptions]
    ) -> Prediction:
        """Hand in rows and return the succeeded job; the other arguments are those of `submit`.

        wait_seconds: how long to wait for it.
        Raises PredictionFailed, and WaitTimedOut when the job, which goes on, needs longer.
        """
        return self._exchange.run(job_flows.predict(rows, options, wait_seconds, self._clock))

    def get(self, job_id: str) -> Prediction:
        """Return the job as it is now, whatever its status."""
        return self._exchange.run(job_flows.read(job_id))

    def wait(self, job_id: str, timeout_seconds: float = 30.0) -> Prediction:
        """Return the job once it has succeeded.

        Raises PredictionFailed when it ended otherwise, and WaitTimedOut when it needs longer.
        """
        return self._exchange.run(job_flows.wait(job_id, timeout_seconds, self._clock))

    def events(self, job_id: str, *, last_event_id: str | None = None) -> Iterator[Event]:
        """Yield what happens to a job until it is final: `queued`, `started`, `progress`, `completed`.

        A connection that ends is made again, and nothing is missed or told twice.
        last_event_id: `id` of an event that was seen before, to be told only what came after it.
        """
        feed = EventFeed(path_of("predictions", job_id, "events"), url=self.url, last_event_id=last_event_id)
        return self._exchange.follow(feed)

    def cancel(self, job_id: str) -> Prediction:
        """Ask to cancel a job. A running one may still be `running` in the answer, and end soon after.

        Raises ProblemError with status 409 when the job is final already.
        """
        return self._exchange.run(job_flows.cancel(job_id))

    def retry(self, job_id: str) -> Prediction:
        """Have a job that failed or expired done again, under its id; others raise ProblemError with status 409."""
        return self._exchange.run(job_flows.retry(job_id))

    def delete(self, job_id: str) -> None:
        """Delete a job with its input and output; after it its id answers 410."""
        self._exchange.run(job_flows.delete(job_id))

    def list(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PredictionPage:
        """Return some of your jobs, the newest first, and where to go on.

        A page may be short, or empty, and not be the last: that is the one without `next_cursor`.
        """
        return self._exchange.run(job_flows.read_page(status, model, cursor, limit))

    def submit_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> Batch:
        """Upload a CSV file, in constant memory, and return its batch without waiting for it.

        source: a path, a file opened in binary mode, or an iterable of bytes; gzip is recognized.
        on_progress: called with the number of bytes that have left.
        Sent again when the answer is lost, if the source can be read again, and still one batch: it carries an
        `Idempotency-Key`. Raises OSError as well.
        """
        return self._exchange.run(batch_flows.submit(source, options, on_progress))

    def preview_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> BatchPreview:
        """Return how the server would read a CSV file; nothing is predicted. Arguments as for `submit_batch`."""
        return self._exchange.run(batch_flows.preview(source, options, on_progress))

    def get_batch(self, batch_id: str) -> Batch:
        """Return the batch as it is now, whatever its status."""
        return self._exchange.run(batch_flows.read(batch_id))

    def wait_batch(
        self,
        batch_id: str,
        *,
        timeout_seconds: float | None = None,
        on_progress: ReportBatch | None = None,
        on_trouble: ReportTrouble | None = None,
    ) -> Batch:
        """Return the batch once it is final, whether completed, failed, canceled or expired.

        timeout_seconds: None waits for as long as it takes.
        on_progress: called with the batch each time that it has changed.
        on_trouble: called with each error that is sat out; a server may be away for up to two minutes.
        Raises BatchNotFinished.
        """
        return self._exchange.run(
            batch_flows.wait(
                batch_id,
                self._clock,
                timeout_seconds=timeout_seconds,
                on_progress=on_progress,
                on_trouble=on_trouble,
            )
        )

    def batch_events(self, batch_id: str, *, last_event_id: str | None = None) -> Iterator[Event]:
        """Yield the batch whenever it changes, until it is final; otherwise as `events`."""
        feed = EventFeed(path_of("batches", batch_id, "events"), url=self.url, last_event_id=last_event_id)
        return self._exchange.follow(feed)

    def cancel_batch(self, batch_id: str) -> Batch:
        """Ask to cancel a batch; what is done is kept. Raises ProblemError with status 409 when it is final already."""
        return self._exchange.run(batch_flows.cancel(batch_id))

    def retry_batch(self, batch_id: str, source: Source, *, on_progress: ReportBytes | None = None) -> Batch:
        """Send the mended file of errors; the batch runs again, and the rows get their places in the results."""
        return self._exchange.run(batch_flows.retry(batch_id, source, on_progress))

    def delete_batch(self, batch_id: str) -> None:
        """Delete a batch with all its files; after it its id answers 410."""
        self._exchange.run(batch_flows.delete(batch_id))

    def list_batches(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> BatchPage:
        """Return some of your batches, as `list` does jobs."""
        return self._exchange.run(batch_flows.read_page(status, model, cursor, limit))

    def download_results(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """Write the results, as far as there are, to a path or an open file, in constant memory.

        A path appears when the file is whole; until then it is called `<target>.part`. A broken connection is taken up
        again where it broke. on_progress: called with the bytes received and, when known, the bytes in all.
        Raises OSError as well, and DownloadBroken when an open file cannot be continued.
        """
        return self._exchange.run(batch_flows.download(batch_id, "results", target, on_progress))

    def download_errors(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """Write the rows that have errors, with the reasons; otherwise as `download_results`."""
        return self._exchange.run(batch_flows.download(batch_id, "errors", target, on_progress))

    def score_csv(
        self,
        source: Source,
        target: Path | BinaryIO,
        *,
        on_progress: ReportBatch | None = None,
        **options: Unpack[BatchOptions],
    ) -> Batch:
        """Upload a CSV file, wait until its batch is final, and write the results; the arguments are those above.

        Look at `status` and `counts` of the batch: rows may have errors, and a batch may end before its last row.
        """
        return self._exchange.run(batch_flows.score(source, target, options, self._clock, on_progress))

    def models(self) -> ModelList:
        """Return every model that is served."""
        return self._exchange.run(model_flows.read_all())

    def model(self, name: str) -> Model:
        """Return one model: its features, classes, versions and metrics."""
        return self._exchange.run(model_flows.read(name))

    def quarantine(self, token: str | None = None) -> QuarantineCalls:
        """Return what operators may do with the jobs in quarantine.

        token: the server's ROWCALL_OPERATOR_TOKEN; None: the API key, which needs the scope `admin`.
        """
        return QuarantineCalls(self._exchange, token=token)

    def keys(self, token: str | None = None) -> KeyCalls:
        """Return what operators may do with the API keys of the server; token: as for `quarantine`."""
        return KeyCalls(self._exchange, token=token)

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def __enter__(self) -> "RowcallClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
