"""Blueprint: upload a CSV, follow its progress, read its results and errors, cancel it."""

import logging
import time
from dataclasses import replace

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from api.batch_admission import BatchAdmission
from api.batch_downloads import BatchDownloads
from api.batch_parameters import BatchParameters, read_batch_parameters
from api.batch_preview import preview_batch
from api.batch_representations import batch_document, batch_url
from api.bucket_input import bucket_errors, read_input_url, refused, require_unpacked
from api.callers import current_caller
from api.csv_header import MAX_HEADER_BYTES, read_layout
from api.ids import BATCH_PREFIX, JobIds
from api.mended_header import read_mend
from api.owned import OwnedBatches
from api.rate_limits import RateLimits
from api.representations import json_response
from api.request_headers import find_wait, read_deadline_seconds
from api.served_models import RequestedModel, ServedModels
from api.submissions import read_json
from api.terms import find_once
from api.uploads import HashedUpload, PeekedUpload, drain_upload, open_upload
from api.waiters import Waiters
from api.webhooks import WebhookChoice
from shared.batch_files import batch_folder, input_key, mend_folder, mend_key
from shared.batch_jobs import mend_job, split_job
from shared.batch_store import CANCELED, Batch, BatchStore, EndVerdict
from shared.batches import BatchSpec, BatchStatus, CsvLayout, choose_chunk_bytes
from shared.broker import Broker
from shared.errors import (
    BatchNotMendable,
    BrokerUnavailable,
    DependencyError,
    IdempotencyKeyReused,
    JobAlreadyFinal,
    NotReplicated,
    RequestError,
    StoreUnavailable,
)
from shared.file_store import CopyingFileStore, FileStore
from shared.job_terms import Earlier
from shared.jobs import JobSpec, Once, new_token
from shared.settings import Settings

log = logging.getLogger(__name__)

#: How often a waiting request and a stream of events look at the record.
LOOK_SECONDS = 0.5


class Batches:
    """The routes of batches."""

    def __init__(
        self,
        *,
        batches: BatchStore,
        files: FileStore,
        broker: Broker,
        models: ServedModels,
        waiters: Waiters,
        ids: JobIds,
        rates: RateLimits,
        settings: Settings,
    ) -> None:
        self._batches = batches
        self._files = files
        self._broker = broker
        self._models = models
        self._waiters = waiters
        self._ids = ids
        self._owned = OwnedBatches(batches, ids)
        self._downloads = BatchDownloads(self._owned, batches, files)
        self._admission = BatchAdmission(batches, rates, settings)
        self._webhooks = WebhookChoice(settings)
        self._settings = settings

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("batches", __name__)
        one = "/v1/batches/<batch_id>"
        for rule, method, view in (
            ("/v1/batches", "POST", self.submit_batch),
            (one, "GET", self.read_batch),
            (f"{one}/results", "GET", self._downloads.read_results),
            (f"{one}/errors", "GET", self._downloads.read_errors),
            (f"{one}/cancel", "POST", self.cancel_batch),
            (f"{one}/retry", "POST", self.retry_batch),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def submit_batch(self) -> Response:
        request.max_content_length = self._settings.max_upload_bytes
        try:
            return self._submit_batch()
        except (RequestError, HTTPException):
            drain_upload(request)
            raise

    def _submit_batch(self) -> Response:
        parameters = read_batch_parameters(request.args, longest_retention=self._settings.retention_seconds)
        parameters = replace(parameters, webhook_url=self._webhooks.from_query())
        deadline_seconds = read_deadline_seconds(request.headers, self._settings)
        model = self._models.get(parameters.model, parameters.version)
        if not parameters.is_dry_run:
            key = request.headers.get("Idempotency-Key")
            self._admission.require(deadline_seconds=deadline_seconds, idempotency_key=key)
        if request.is_json:
            return self._submit_from_bucket(parameters, model, deadline_seconds)
        file = open_upload(request)
        upload = PeekedUpload(file)
        layout = read_layout(upload.head, model.manifest.features, parameters.csv, is_whole=upload.is_whole)
        if parameters.is_dry_run:
            sent_bytes = None if file.is_packed else request.content_length
            size = len(upload.head) if upload.is_whole else sent_bytes
            return json_response(preview_batch(upload.head, layout, model, is_whole=upload.is_whole, file_bytes=size))
        batch_id = self._ids.new(BATCH_PREFIX, owner=current_caller().owner)
        hashed = HashedUpload(upload) if "Idempotency-Key" in request.headers else None
        key, most = input_key(batch_id), self._settings.max_upload_bytes
        input_bytes = self._files.write_from(key, hashed or upload, max_bytes=most)
        spec = self._make_spec(batch_id, model, layout, input_bytes, parameters, deadline_seconds)
        return self._accept(replace(spec, once=self._find_once(hashed and hashed.digest())))

    def _find_once(self, content: object) -> Once | None:
        """Return what the request's idempotency key stands for; content: the file, as far as a hash tells it."""
        document = [request.args.to_dict(flat=False), content]
        return find_once(request.headers, owner=current_caller().owner, route="/v1/batches", document=document)

    def _submit_from_bucket(
        self, parameters: BatchParameters, model: RequestedModel, deadline_seconds: float
    ) -> Response:
        """Copy the file inside the object store, look at its header there, and accept the batch."""
        # The body is an address, and no file.
        request.max_content_length = self._settings.max_body_bytes
        url = read_input_url(read_json(request), self._settings.input_buckets)
        once = self._find_once(url)
        if not isinstance(self._files, CopyingFileStore):
            raise refused("this service keeps its files on a disk; send the CSV in the body")
        batch_id = self._ids.new(BATCH_PREFIX, owner=current_caller().owner)
        key = input_key(batch_id)
        try:
            with bucket_errors():
                input_bytes = self._files.copy_in(url, key, max_bytes=self._settings.max_upload_bytes)
                head = self._files.read_range(key, 0, MAX_HEADER_BYTES)
            is_whole = input_bytes <= len(head)
            require_unpacked(head)
            layout = read_layout(head, model.manifest.features, parameters.csv, is_whole=is_whole)
        except RequestError:
            self._delete_refused(batch_folder(batch_id))
            raise
        if parameters.is_dry_run:
            self._delete_refused(batch_folder(batch_id))
            return json_response(preview_batch(head, layout, model, is_whole=is_whole, file_bytes=input_bytes))
        spec = self._make_spec(batch_id, model, layout, input_bytes, parameters, deadline_seconds)
        return self._accept(replace(spec, once=once))

    def _make_spec(
        self,
        batch_id: str,
        model: RequestedModel,
        layout: CsvLayout,
        input_bytes: int,
        parameters: BatchParameters,
        deadline_seconds: float,
    ) -> BatchSpec:
        return BatchSpec(
            id=batch_id,
            model=model.ref,
            features=tuple(feature.name for feature in model.manifest.features),
            classes=model.manifest.classes,
            layout=layout,
            input_bytes=input_bytes,
            on_error=parameters.on_error,
            max_error_ratio=parameters.max_error_ratio,
            formulas=parameters.formulas,
            deadline_seconds=deadline_seconds,
            chunk_bytes=choose_chunk_bytes(input_bytes, self._settings.chunk_bytes),
            owner=current_caller().owner,
            webhook_url=parameters.webhook_url,
            rate=current_caller().rate,
            retain_seconds=parameters.retain_seconds,
            metadata=parameters.metadata,
        )

    def _accept(self, spec: BatchSpec) -> Response:
        """Write the records of the batch and of its first step, then send the message; after it the batch is promised.

        Answers with the batch as it was accepted: reading it again could fail, and hide it from its client.

        Raises RateLimited, StoreUnavailable, StoreFull or NotReplicated, and then nothing was promised.
        """
        split = split_job(spec)
        try:
            accepted_at = self._batches.accept(spec, split)
        except NotReplicated:
            # Its record is there, so its files must be.
            raise
        except DependencyError:
            self._delete_refused(batch_folder(spec.id))
            raise
        if isinstance(accepted_at, Earlier):
            self._delete_refused(batch_folder(spec.id))
            return self._answer_again(accepted_at)
        if accepted_at is None:
            self._delete_refused(batch_folder(spec.id))
            raise self._admission.refusal()
        self._send(split, enqueued_at=accepted_at)
        batch = Batch(
            spec,
            BatchStatus.QUEUED,
            created_at=accepted_at,
            read_at=accepted_at,
            rows_done=0,
            rows_failed=0,
            chunks_done=0,
        )
        return self._answer(batch, 202, {"Location": batch_url(spec.id)})

    def _answer_again(self, earlier: Earlier) -> Response:
        """Answer with the batch that was accepted for the same idempotency key before."""
        if not earlier.is_same:
            raise IdempotencyKeyReused("This Idempotency-Key came with another request before; use each for one.")
        batch = self._get(earlier.job_id)
        return self._answer(batch, 202, {"Location": batch_url(batch.id), "Idempotency-Replayed": "true"})

    def _delete_refused(self, folder: str) -> None:
        """Delete the files of what was not accepted; the refusal counts more than files that are left."""
        try:
            self._files.delete_folder(folder)
        except DependencyError as error:
            log.error("files of a refused upload are left behind", extra={"folder": folder, "detail": error.detail})  # noqa: TRY400

    def _get(self, batch_id: str) -> Batch:
        return self._owned.require(batch_id, current_caller())

    def _answer(self, batch: Batch, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        own = {} if batch.status.is_final else {"Retry-After": "1"}
        document = batch_document(batch)
        response = json_response(document, status, {**(headers or {}), **own})
        response.add_etag()
        return response

    def read_batch(self, batch_id: str) -> Response:
        batch = self._get(batch_id)
        wait = find_wait(request.headers, self._settings)
        if wait is not None and not batch.status.is_final:
            batch = self._wait(batch, wait.seconds)
        response = self._answer(batch)
        response.make_conditional(request)
        return response

    def _wait(self, batch: Batch, seconds: float) -> Batch:
        """Return the batch once it is final, or as it stands after so long; at once when too many requests wait."""
        until = time.monotonic() + seconds
        with self._waiters.room() as has_room:
            while has_room and not batch.status.is_final and (left := until - time.monotonic()) > 0:
                time.sleep(min(LOOK_SECONDS, left))
                # Who waits is told the end also of a batch of which nothing is kept.
                batch = self._batches.find(batch.id) or self._get(batch.id)
        return batch

    def _find_if_possible(self, batch_id: str) -> Batch | None:
        """Return the batch, or None when it is gone or the store is away."""
        try:
            return self._batches.find(batch_id)
        except StoreUnavailable:
            return None

    def cancel_batch(self, batch_id: str) -> Response:
        self._get(batch_id)
        verdict = self._batches.end(batch_id, BatchStatus.CANCELED, CANCELED)
        batch = self._get(batch_id)
        if verdict is EndVerdict.FINAL:
            raise JobAlreadyFinal(f"The batch is already {batch.status.value}; there is nothing left to cancel.")
        return self._answer(batch)

    def retry_batch(self, batch_id: str) -> Response:
        request.max_content_length = self._settings.max_mended_bytes
        try:
            return self._retry_batch(self._get(batch_id))
        except (RequestError, HTTPException):
            drain_upload(request)
            raise

    def _retry_batch(self, batch: Batch) -> Response:
        """Store the mended rows, then accept the step that merges them; after it they are promised."""
        if batch.status is not BatchStatus.COMPLETED:
            raise BatchNotMendable(f"The batch is {batch.status.value}; mended rows are merged once it is completed.")
        self._admission.require(deadline_seconds=batch.spec.deadline_seconds)
        upload = PeekedUpload(open_upload(request))
        spec = batch.spec
        mend = read_mend(upload.head, spec.layout, new_token(), is_whole=upload.is_whole, formulas=spec.formulas)
        self._files.write_from(mend_key(batch.id, mend.token), upload, max_bytes=self._settings.max_mended_bytes)
        step = mend_job(batch.spec, batch.mends + 1)
        rate = current_caller().rate
        verdict = self._batches.accept_mend(batch.spec, batch.mends + 1, mend, step, rate=rate)
        if verdict != "ok":
            self._delete_refused(mend_folder(batch.id, mend.token))
            if verdict == "spent":
                raise self._admission.refusal()
            # It may have gone meanwhile.
            self._get(batch.id)
            raise BatchNotMendable("Other mended rows are being merged; send these when that is done.")
        taken_up = self._reread(batch)
        self._send(step, enqueued_at=taken_up.read_at)
        return self._answer(taken_up, 202, {"Location": batch_url(batch.id)})

    def _reread(self, completed: Batch) -> Batch:
        """Return a batch that was taken up again; what is known of it when the store is away, for it is promised."""
        known = replace(
            completed, status=BatchStatus.RUNNING, completed_at=None, expires_at=None, mends=completed.mends + 1
        )
        return self._find_if_possible(completed.id) or known

    def _send(self, step: JobSpec, *, enqueued_at: float) -> None:
        try:
            self._broker.send([step], enqueued_at=enqueued_at)
        except BrokerUnavailable as error:
            log.warning("message left to the sweeper", extra={"job_id": step.id, "detail": error.detail})
