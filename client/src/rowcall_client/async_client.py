"""The library for those who await; the promises are in `client`."""

import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Unpack

import anyio
import httpx2

from rowcall_client import DEFAULT_TIMEOUT_SECONDS, DEFAULT_URL, batch_flows, job_flows, model_flows
from rowcall_client.async_exchange import AsyncExchange
from rowcall_client.async_operators import AsyncKeyCalls, AsyncQuarantineCalls
from rowcall_client.batch_watch import ReportBatch, ReportTrouble
from rowcall_client.batches import Batch, BatchPage, BatchPreview
from rowcall_client.connection import Connection
from rowcall_client.downloads import Downloaded, ReportDownload
from rowcall_client.event_stream import Event, EventFeed
from rowcall_client.job_flows import JobOptions
from rowcall_client.models import Model, ModelList
from rowcall_client.predictions import Prediction, PredictionPage, Row
from rowcall_client.repeats import Retries
from rowcall_client.uploads import BatchOptions, ReportBytes, Source
from rowcall_client.wire import path_of


class AsyncRowcallClient:
    """A connection to one Rowcall server, as `RowcallClient`, for those who await.

    Keep one and use it as an asynchronous context manager. It may be shared by tasks, on asyncio or trio.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        api_key: str | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        retries: Retries | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """As `RowcallClient`; sleep is awaited."""
        connection = Connection.make(url, api_key, timeout_seconds, retries)
        self._exchange = AsyncExchange(connection, transport=transport, sleep=sleep, chance=chance)
        self._clock = clock

    @property
    def url(self) -> str:
        """As `RowcallClient.url`."""
        return self._exchange.connection.url

    async def submit(self, rows: Row | Sequence[Row], **options: Unpack[JobOptions]) -> Prediction:
        """As `RowcallClient.submit`."""
        return await self._exchange.run(job_flows.submit(rows, options))

    async def predict(
        self, rows: Row | Sequence[Row], *, wait_seconds: float = 30.0, **options: Unpack[JobOptions]
    ) -> Prediction:
        """As `RowcallClient.predict`."""
        return await self._exchange.run(job_flows.predict(rows, options, wait_seconds, self._clock))

    async def get(self, job_id: str) -> Prediction:
        """As `RowcallClient.get`."""
        return await self._exchange.run(job_flows.read(job_id))

    async def wait(self, job_id: str, timeout_seconds: float = 30.0) -> Prediction:
        """As `RowcallClient.wait`."""
        return await self._exchange.run(job_flows.wait(job_id, timeout_seconds, self._clock))

    def events(self, job_id: str, *, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """As `RowcallClient.events`."""
        feed = EventFeed(path_of("predictions", job_id, "events"), url=self.url, last_event_id=last_event_id)
        return self._exchange.follow(feed)

    async def cancel(self, job_id: str) -> Prediction:
        """As `RowcallClient.cancel`."""
        return await self._exchange.run(job_flows.cancel(job_id))

    async def retry(self, job_id: str) -> Prediction:
        """As `RowcallClient.retry`."""
        return await self._exchange.run(job_flows.retry(job_id))

    async def delete(self, job_id: str) -> None:
        """As `RowcallClient.delete`."""
        await self._exchange.run(job_flows.delete(job_id))

    async def list(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> PredictionPage:
        """As `RowcallClient.list`."""
        return await self._exchange.run(job_flows.read_page(status, model, cursor, limit))

    async def submit_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> Batch:
        """As `RowcallClient.submit_batch`."""
        return await self._exchange.run(batch_flows.submit(source, options, on_progress))

    async def preview_batch(
        self, source: Source, *, on_progress: ReportBytes | None = None, **options: Unpack[BatchOptions]
    ) -> BatchPreview:
        """As `RowcallClient.preview_batch`."""
        return await self._exchange.run(batch_flows.preview(source, options, on_progress))

    async def get_batch(self, batch_id: str) -> Batch:
        """As `RowcallClient.get_batch`."""
        return await self._exchange.run(batch_flows.read(batch_id))

    async def wait_batch(
        self,
        batch_id: str,
        *,
        timeout_seconds: float | None = None,
        on_progress: ReportBatch | None = None,
        on_trouble: ReportTrouble | None = None,
    ) -> Batch:
        """As `RowcallClient.wait_batch`."""
        return await self._exchange.run(
            batch_flows.wait(
                batch_id,
                self._clock,
                timeout_seconds=timeout_seconds,
                on_progress=on_progress,
                on_trouble=on_trouble,
            )
        )

    def batch_events(self, batch_id: str, *, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """As `RowcallClient.batch_events`."""
        feed = EventFeed(path_of("batches", batch_id, "events"), url=self.url, last_event_id=last_event_id)
        return self._exchange.follow(feed)

    async def cancel_batch(self, batch_id: str) -> Batch:
        """As `RowcallClient.cancel_batch`."""
        return await self._exchange.run(batch_flows.cancel(batch_id))

    async def retry_batch(self, batch_id: str, source: Source, *, on_progress: ReportBytes | None = None) -> Batch:
        """As `RowcallClient.retry_batch`."""
        return await self._exchange.run(batch_flows.retry(batch_id, source, on_progress))

    async def delete_batch(self, batch_id: str) -> None:
        """As `RowcallClient.delete_batch`."""
        await self._exchange.run(batch_flows.delete(batch_id))

    async def list_batches(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> BatchPage:
        """As `RowcallClient.list_batches`."""
        return await self._exchange.run(batch_flows.read_page(status, model, cursor, limit))

    async def download_results(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """As `RowcallClient.download_results`."""
        return await self._exchange.run(batch_flows.download(batch_id, "results", target, on_progress))

    async def download_errors(
        self, batch_id: str, target: Path | BinaryIO, *, on_progress: ReportDownload | None = None
    ) -> Downloaded:
        """As `RowcallClient.download_errors`."""
        return await self._exchange.run(batch_flows.download(batch_id, "errors", target, on_progress))

    async def score_csv(
        self,
        source: Source,
        target: Path | BinaryIO,
        *,
        on_progress: ReportBatch | None = None,
        **options: Unpack[BatchOptions],
    ) -> Batch:
        """As `RowcallClient.score_csv`."""
        return await self._exchange.run(batch_flows.score(source, target, options, self._clock, on_progress))

    async def models(self) -> ModelList:
        """As `RowcallClient.models`."""
        return await self._exchange.run(model_flows.read_all())

    async def model(self, name: str) -> Model:
        """As `RowcallClient.model`."""
        return await self._exchange.run(model_flows.read(name))

    def quarantine(self, token: str | None = None) -> AsyncQuarantineCalls:
        """As `RowcallClient.quarantine`."""
        return AsyncQuarantineCalls(self._exchange, token=token)

    def keys(self, token: str | None = None) -> AsyncKeyCalls:
        """As `RowcallClient.keys`."""
        return AsyncKeyCalls(self._exchange, token=token)

    async def close(self) -> None:
        """As `RowcallClient.close`."""
        await self._exchange.close()

    async def __aenter__(self) -> "AsyncRowcallClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
