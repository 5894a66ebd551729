"""The library: submit rows or a CSV file, wait for the job, cancel it, ask which models are served.

How requests travel is in `exchange`; what the documents hold is in `predictions`, `batches` and `models`.
"""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Unpack
from urllib.parse import quote

import httpx2

from rowcall_client import DEFAULT_URL
from rowcall_client.batch_calls import BatchCalls
from rowcall_client.batch_watch import ReportBatch, ReportTrouble
from rowcall_client.batches import Batch, BatchPreview
from rowcall_client.downloads import Downloaded, ReportDownload
from rowcall_client.errors import PredictionFailed, WaitTimedOut
from rowcall_client.exchange import HttpExchange, find_retry_after_seconds
from rowcall_client.key_calls import KeyCalls
from rowcall_client.models import Model, ModelList
from rowcall_client.predictions import Prediction, Row, Status
from rowcall_client.quarantine_calls import QuarantineCalls
from rowcall_client.uploads import BatchOptions, ReportBytes, Source

#: How long one answer may take, not counting the time that the server was asked to wait.
DEFAULT_TIMEOUT_SECONDS = 10.0
#: A long wait is made of requests of at most this length, because proxies cut off longer ones.
LONGEST_SLICE_SECONDS = 20
#: Pause before asking again when the server answered early and named no `Retry-After`.
POLL_PAUSE_SECONDS = 0.5
#: An answer that came after this share of the wait asked for counts as held back.
HELD_BACK_SHARE = 0.9


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
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        url: where the server is, http:// or https://; a path is kept as a prefix.
        api_key: sent with every request; a server may ask for one.
        timeout_seconds: limit for connecting and for each answer, on top of any wait asked for.
        transport, sleep, clock: for tests.
        Raises ValueError for an address that is none.
        """
        self._exchange = HttpExchange(
            url, timeout_seconds=timeout_seconds, transport=transport, sleep=sleep, api_key=api_key
        )
        self._batches = BatchCalls(self._exchange, sleep=sleep, clock=clock)
        self._sleep = sleep
        self._clock = clock

    @property
    def url(self) -> str:
        """Address of the server, without a slash at its end."""
        return self._exchange.url

    def submit(
        self,
        rows: Row | Sequence[Row],
        *,
        model: str | None = None,
        version: str | None = None,
        cancel_after_seconds: int | None = None,
    ) -> Prediction:
        """Hand in one row or an array of rows, and return the job without waiting for it.

        rows: one row, feature name to value, or an array of rows, which makes an output array in the same order.
        model, version: may be left out when one model is served, and for its current version.
        cancel_after_seconds: the job expires when it is not finished by then; at least 1, whole seconds.
        Raises ValueError when a value is NaN or infinite.
        """
        response = self._post_prediction(rows, model, version, cancel_after_seconds, wait_seconds=0)
        return self._decode_prediction(response)

    def predict(
        self,
        rows: Row | Sequence[Row],
        *,
        model: str | None = None,
        version: str | None = None,
        cancel_after_seconds: int | None = None,
        wait_seconds: float = 30.0,
    ) -> Prediction:
        """Hand in rows and return the succeeded job; the other arguments are those of `submit`.

        wait_seconds: how long to wait for it.
        Raises PredictionFailed, and WaitTimedOut when the job, which goes on, needs longer.
        """
        deadline = self._clock() + wait_seconds
        response = self._post_prediction(rows, model, version, cancel_after_seconds, wait_seconds)
        return self._follow(response, deadline, wait_seconds)

    def get(self, job_id: str) -> Prediction:
        """Return the job as it is now, whatever its status."""
        return self._decode_prediction(self._get_prediction(job_id, wait_seconds=0))

    def wait(self, job_id: str, timeout_seconds: float = 30.0) -> Prediction:
        """Return the job once it has succeeded.

        Raises PredictionFailed when it ended otherwise, and WaitTimedOut when it needs longer.
        """
        deadline = self._clock() + timeout_seconds
        return self._follow(self._get_prediction(job_id, timeout_seconds), deadline, timeout_seconds)

    def cancel(self, job_id: str) -> Prediction:
        """Ask to cancel a job. A running one may still be `running` in the answer, and end soon after.

        Raises ProblemError with status 409 when the job is final already.
        """
        return self._decode_prediction(self._exchange.send("POST", f"{path_of(job_id)}/cancel"))

    def submit_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> Batch:
        """Upload a CSV file, in constant memory, and return its batch without waiting for it.

        source: a path, a file opened in binary mode, or an iterable of bytes; gzip is recognized.
        on_progress: called with the number of bytes that have left.
        Never sent twice once bytes have left, since the first may have made a batch. Raises OSError as well.
        """
        return self._batches.submit(source, options, on_progress)

    def preview_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> BatchPreview:
        """Return how the server would read a CSV file; nothing is predicted. Arguments as for `submit_batch`."""
        return self._batches.preview(source, options, on_progress)

    def get_batch(self, batch_id: str) -> Batch:
        """Return the batch as it is now, whatever its status."""
        return self._batches.get(batch_id)

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
        return self._batches.wait(batch_id, timeout_seconds, on_progress, on_trouble)

    def cancel_batch(self, batch_id: str) -> Batch:
        """Ask to cancel a batch; what is done is kept. Raises ProblemError with status 409 when it is final already."""
        return self._batches.cancel(batch_id)

    def retry_batch(self, batch_id: str, source: Source, *, on_progress: ReportBytes | None = None) -> Batch:
        """Send the mended file of errors; the batch runs again, and the rows get their places in the results."""
        return self._batches.retry(batch_id, source, on_progress)

    def download_results(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """Write the results, as far as there are, to a path or an open file, in constant memory.

        A path appears when the file is whole; until then it is called `<target>.part`. A broken connection is taken up
        again where it broke. on_progress: called with the bytes received and, when known, the bytes in all.
        Raises OSError as well, and DownloadBroken when an open file cannot be continued.
        """
        return self._batches.download(batch_id, "results", target, on_progress)

    def download_errors(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """Write the rows that have errors, with the reasons; otherwise as `download_results`."""
        return self._batches.download(batch_id, "errors", target, on_progress)

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
        accepted = self.submit_batch(source, **options)
        batch = self.wait_batch(accepted.id, on_progress=on_progress)
        if batch.has_output:
            self.download_results(batch.id, target)
        return batch

    def models(self) -> ModelList:
        """Return every model that is served."""
        return self._exchange.decode(self._exchange.send("GET", "/v1/models"), ModelList.decode)

    def model(self, name: str) -> Model:
        """Return one model: its features, classes, versions and metrics."""
        return self._exchange.decode(self._exchange.send("GET", f"/v1/models/{quote(name, safe='')}"), Model.decode)

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

    def _post_prediction(
        self,
        rows: Row | Sequence[Row],
        model: str | None,
        version: str | None,
        cancel_after_seconds: int | None,
        wait_seconds: float,
    ) -> httpx2.Response:
        choice = {"model": model, "version": version}
        body = {name: value for name, value in choice.items() if value is not None} | {"input": rows}
        headers = prefer(wait_seconds)
        if cancel_after_seconds is not None:
            headers["Cancel-After"] = f"{cancel_after_seconds:d}s"
        return self._exchange.send(
            "POST", "/v1/predictions", body=body, headers=headers, wait_seconds=slice_seconds(wait_seconds)
        )

    def _get_prediction(self, job_id: str, wait_seconds: float) -> httpx2.Response:
        return self._exchange.send(
            "GET", path_of(job_id), headers=prefer(wait_seconds), wait_seconds=slice_seconds(wait_seconds)
        )

    def _follow(self, response: httpx2.Response, deadline: float, wait_seconds: float) -> Prediction:
        asked_at = deadline - wait_seconds
        prediction = self._decode_prediction(response)
        while not prediction.status.is_final:
            if self._clock() >= deadline:
                raise WaitTimedOut(prediction, wait_seconds)
            self._pause_after_early_answer(response, asked_at, deadline)
            asked_at = self._clock()
            response = self._get_prediction(prediction.id, deadline - asked_at)
            prediction = self._decode_prediction(response)
        if prediction.status is not Status.SUCCEEDED:
            raise PredictionFailed(prediction)
        return prediction

    def _pause_after_early_answer(self, response: httpx2.Response, asked_at: float, deadline: float) -> None:
        """Keep away for a moment from a server that did not hold its answer back, as when it has too many waiters."""
        now = self._clock()
        if now - asked_at >= HELD_BACK_SHARE * slice_seconds(deadline - asked_at):
            return
        pause_seconds = find_retry_after_seconds(response) or POLL_PAUSE_SECONDS
        self._sleep(max(0.0, min(pause_seconds, deadline - now)))

    def _decode_prediction(self, response: httpx2.Response) -> Prediction:
        timing = response.headers.get("Server-Timing", "")
        return self._exchange.decode(response, partial(Prediction.decode, server_timing=timing))


def path_of(job_id: str) -> str:
    """Path of one job."""
    return f"/v1/predictions/{quote(job_id, safe='')}"


def slice_seconds(wait_seconds: float) -> int:
    """How long one request of a wait asks the server to hold its answer back, in whole seconds."""
    return max(0, min(math.ceil(wait_seconds), LONGEST_SLICE_SECONDS))


def prefer(wait_seconds: float) -> dict[str, str]:
    """The request header that asks for a wait; none when there is nothing to wait for."""
    seconds = slice_seconds(wait_seconds)
    return {"Prefer": f"wait={seconds}"} if seconds else {}
