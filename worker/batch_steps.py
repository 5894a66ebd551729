"""The steps of a batch: find its chunks, predict each of them.

Every step may run twice. What it writes lies under its own token, and counts only when it is recorded.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from shared.batch_files import errors_key, input_key, part_folder, result_key
from shared.batch_jobs import chunk_job
from shared.batch_store import Batch, BatchStore
from shared.batches import BatchError, BatchErrorCode, BatchSpec, BatchStatus, Chunk, Part
from shared.broker import Broker
from shared.errors import BrokerUnavailable, FileMissing
from shared.file_store import FileStore
from shared.job_store import JobStore, Verdict
from shared.jobs import BatchStep, JobStatus, Outcome, StepKind, new_token
from shared.messages import StepMessage
from shared.queues import Lane
from shared.row_errors import RowErrorCode
from shared.settings import Settings
from shared.sqs_messages import Origin
from worker.batch_mend import Mender
from worker.claims import claim, finish
from worker.csv_records import Block, RecordTooLong, scan_blocks, split_into_chunks
from worker.csv_scoring import BlockScorer, ScoredBlock
from worker.lease_keeper import LeaseKeeper
from worker.measures import Measures
from worker.predictors import ModelUnavailable, Predictors
from worker.suspects import RowRange, Suspects

log = logging.getLogger(__name__)

#: Chunks that are written down and sent at once while a file is split, so that others can begin.
CHUNKS_AT_ONCE = 8
#: Bytes that are predicted in one call.
BLOCK_BYTES = 4 << 20
CAREFUL_BLOCK_BYTES = 64 << 10
_DEADLY = "every worker that predicted this row died; try it alone against the model file"
_DONE = Outcome(JobStatus.SUCCEEDED, predictions=[])


class BatchSteps:
    """Takes steps to their end: claim, do, finish."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        batches: BatchStore,
        files: FileStore,
        broker: Broker,
        predictors: Predictors,
        leases: LeaseKeeper,
        settings: Settings,
        measures: Measures | None = None,
    ) -> None:
        self._measures = measures or Measures()
        self._jobs = jobs
        self._batches = batches
        self._files = files
        self._broker = broker
        self._predictors = predictors
        self._leases = leases
        self._settings = settings
        self._mender = Mender(batches, files, leases, max_record_bytes=settings.max_record_bytes)
        # Chunks of one batch come one after the other.
        self._scorer = lru_cache(maxsize=4)(self._make_scorer)

    def run(self, message: StepMessage, origin: Origin | None = None) -> None:
        """Do the step unless somebody else has, or its batch has ended.

        origin: what the message says besides, if its broker may outlive the store.

        Raises DependencyError; the lease then runs out, and the sweeper queues the step again.
        """
        started = time.monotonic()
        token = new_token()
        if claim(self._jobs, [message.job_id], token, origin) != [Verdict.CLAIMED]:
            return
        with self._leases.holding([message.job_id], token):
            batch = self._batches.find(message.step.batch_id)
            if batch is not None and not batch.status.is_final:
                self._do(batch, message.step, token)
            busy_seconds = time.monotonic() - started
            finish(self._jobs, Lane.BULK, {message.job_id: _DONE}, token, busy_seconds=busy_seconds, origin=origin)
        self._measures.busy(Lane.BULK, busy_seconds)
        log.info("step done", extra={"job_id": message.job_id, "seconds": busy_seconds})

    def _do(self, batch: Batch, step: BatchStep, token: str) -> None:
        try:
            match step.kind:
                case StepKind.SPLIT:
                    self._split(batch.spec)
                case StepKind.CHUNK:
                    self._predict_chunk(batch.spec, step.index, token)
                case StepKind.MEND:
                    self._mender.run(batch.spec, step.index, self._scorer(batch.spec))
        except (RecordTooLong, ModelUnavailable) as error:
            if step.kind is StepKind.MEND:
                # The batch was complete before, and stays so; its errors stay as they are.
                log.warning("mended rows not merged", extra={"batch_id": batch.id, "detail": str(error)})
                self._batches.complete_mend(batch.id)
                return
            self._fail_for(batch, error)
        except FileMissing:
            current = self._batches.find(batch.id)
            if current is not None and not current.status.is_final:
                # Another attempt replaced what this one read: the lease runs out, and the step is done again.
                raise
            # The batch was deleted while this step ran.
            log.warning("files of a batch are gone", extra={"batch_id": batch.id})

    def _fail_for(self, batch: Batch, error: RecordTooLong | ModelUnavailable) -> None:
        if isinstance(error, ModelUnavailable):
            self._fail(batch, BatchErrorCode.MODEL_UNAVAILABLE, str(error))
        else:
            # Only a split can find one: a chunk is cut where records end.
            detail = (
                f"The record that begins at byte {error.offset} has more than {self._settings.max_record_bytes} bytes; "
                "mostly a quote in it is never closed."
            )
            self._fail(batch, BatchErrorCode.RECORD_TOO_LONG, detail)

    def _fail(self, batch: Batch, code: BatchErrorCode, detail: str) -> None:
        self._batches.end(batch.id, BatchStatus.FAILED, BatchError(code, detail))

    def _split(self, spec: BatchSpec) -> None:
        last = self._resume_split(spec)
        chunks = split_into_chunks(
            self._files.read(input_key(spec.id), start=last.stop if last else spec.layout.dialect.data_start),
            spec.layout,
            chunk_bytes=spec.chunk_bytes,
            max_record_bytes=self._settings.max_record_bytes,
            after=last,
        )
        for group in _groups(chunks, CHUNKS_AT_ONCE):
            if self._batches.note_chunks(spec.id, group, rows_total=None) is not BatchStatus.RUNNING:
                return
            self._send(spec, group)
            last = group[-1]
        rows_total = last.first_row + last.rows - 1 if last else 0
        self._batches.note_chunks(spec.id, [], rows_total=rows_total)

    def _resume_split(self, spec: BatchSpec) -> Chunk | None:
        """Return the last chunk that an attempt before this one wrote down, or None for the first attempt."""
        noted = self._batches.count_chunks(spec.id)
        if not noted:
            return None
        last_group = self._batches.chunks(spec.id, range(max(0, noted - CHUNKS_AT_ONCE), noted))
        # It may have died before it accepted what it wrote down.
        self._send(spec, last_group)
        return last_group[-1]

    def _send(self, spec: BatchSpec, chunks: list[Chunk]) -> None:
        """Accept the chunks as jobs, then send their messages; what cannot be sent is left to the sweeper."""
        jobs = [chunk_job(spec, chunk.index) for chunk in chunks]
        accepted = self._jobs.accept(jobs)
        self._leases.progress()
        try:
            for job, record in zip(jobs, accepted, strict=True):
                self._broker.send([job], enqueued_at=record.created_at)
        except BrokerUnavailable as error:
            log.warning("messages left to the sweeper", extra={"batch_id": spec.id, "detail": error.detail})

    def _predict_chunk(self, spec: BatchSpec, index: int, token: str) -> None:
        (chunk,) = self._batches.chunks(spec.id, [index])
        job = self._jobs.find(chunk_job(spec, index).id)
        part = self._write_part(spec, chunk, token, is_first_attempt=job is None or job.attempt <= 1)
        if not self._batches.record_part(spec.id, index, part):
            # Another attempt was first, or the batch has ended: nobody will read these.
            self._files.delete_folder(part_folder(spec.id, index, token))

    def _write_part(self, spec: BatchSpec, chunk: Chunk, token: str, *, is_first_attempt: bool) -> Part:
        scorer = self._scorer(spec)
        rows = failed = 0
        codes: Counter[str] = Counter()
        # A chunk's errors fit into memory, and most chunks have none: no file is made for those.
        errors: list[bytes] = []
        with self._files.open_writer(result_key(spec.id, chunk.index, token)) as results:
            for scored in self._score(spec, chunk, scorer, is_first_attempt=is_first_attempt):
                results.write(scored.result)
                errors.append(scored.errors)
                rows += scored.rows
                failed += scored.failed
                codes.update(scored.errors_by_code)
        self._measures.rows(Lane.BULK, predicted=rows - failed, failed=failed)
        error_bytes = b"".join(errors)
        if error_bytes:
            with self._files.open_writer(errors_key(spec.id, chunk.index, token)) as writer:
                writer.write(error_bytes)
        return Part(token, rows, failed, results.bytes_written, len(error_bytes), dict(codes))

    def _score(
        self, spec: BatchSpec, chunk: Chunk, scorer: BlockScorer, *, is_first_attempt: bool
    ) -> Iterator[ScoredBlock]:
        """Yield the scored blocks of a chunk; a later attempt looks for the rows that killed the one before it."""
        blocks = scan_blocks(
            self._files.read(input_key(spec.id), start=chunk.start, stop=chunk.stop),
            spec.layout.dialect,
            block_bytes=BLOCK_BYTES if is_first_attempt else CAREFUL_BLOCK_BYTES,
            max_record_bytes=self._settings.max_record_bytes,
        )
        suspects = None if is_first_attempt else Suspects.read(self._batches, spec.id, chunk.index)
        rows = 0
        for block in blocks:
            if suspects is None:
                yield scorer.score(block.content, first_row=chunk.first_row + rows, records=block.records)
            else:
                yield from score_carefully(scorer, block, suspects, chunk=chunk, offset=rows)
            rows += len(block.records)
        if suspects is not None:
            suspects.release()

    def _make_scorer(self, spec: BatchSpec) -> BlockScorer:
        predictor = self._predictors.get(spec.model.key)
        return BlockScorer(predictor, spec.layout, self._leases.progress, formulas=spec.formulas)


def score_carefully(
    scorer: BlockScorer, block: Block, suspects: Suspects, *, chunk: Chunk, offset: int
) -> Iterator[ScoredBlock]:
    """Yield the scored rows of a block range by range, each written down before it is predicted.

    offset: rows of the chunk before this block.
    """
    starts, ends = block.records.starts, block.records.next_starts
    for rows in suspects.cut(RowRange(offset, offset + len(starts))):
        content = block.content[int(starts[rows.start - offset]) : int(ends[rows.stop - offset - 1])]
        first_row = chunk.first_row + rows.start
        if suspects.is_deadly(rows):
            yield scorer.fail(content, first_row=first_row, code=RowErrorCode.WORKER_DIED, message=_DEADLY)
        else:
            suspects.take(rows)
            yield scorer.score(content, first_row=first_row)


def _groups(chunks: Iterator[Chunk], size: int) -> Iterator[list[Chunk]]:
    """Yield the chunks in lists; the first alone, so that another worker can begin at once."""
    group: list[Chunk] = []
    limit = 1
    for chunk in chunks:
        group.append(chunk)
        if len(group) == limit:
            yield group
            group, limit = [], size
    if group:
        yield group
