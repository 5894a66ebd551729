"""Predict a message of many jobs in one call, and keep what fails from sinking its neighbours."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.errors import FieldNote
from shared.job_errors import JobErrorCode
from shared.job_store import JobStore, Verdict
from shared.jobs import JobError, JobStatus, Outcome, Prediction, Row, new_token
from shared.messages import PredictMessage
from shared.queues import Lane
from shared.sqs_messages import Origin
from worker.claims import claim, finish
from worker.lease_keeper import LeaseKeeper
from worker.measures import Measures
from worker.predictor import OutputInvalid, Predictor
from worker.predictors import ModelUnavailable, Predictors

log = logging.getLogger(__name__)

#: Most bad rows that the error of a job names.
NAMED_ROWS = 20


@dataclass(frozen=True, slots=True)
class RowFailure:
    """Why the model gave no prediction for one row."""

    code: JobErrorCode
    detail: str


RowResult = Prediction | RowFailure


class MicroBatch:
    """Takes messages to their end: claim, predict, finish."""

    def __init__(
        self, jobs: JobStore, predictors: Predictors, leases: LeaseKeeper, measures: Measures | None = None
    ) -> None:
        self._jobs = jobs
        self._measures = measures or Measures()
        self._predictors = predictors
        self._leases = leases

    def run(self, message: PredictMessage, origin: Origin | None = None) -> None:
        """Predict every job of the message that nobody else has taken or finished.

        origin: what the message says besides, if its broker may outlive the store.

        Raises StoreUnavailable; the leases then run out, and the sweeper queues the jobs again.
        """
        started = time.monotonic()
        token = new_token()
        verdicts = claim(self._jobs, list(message.rows), token, origin)
        claimed = {
            job_id: rows or self._read_rows(job_id)
            for (job_id, rows), verdict in zip(message.rows.items(), verdicts, strict=True)
            if verdict is Verdict.CLAIMED
        }
        if not claimed:
            return
        with self._leases.holding(list(claimed), token):
            outcomes = self._predict(message.model_key, claimed)
            busy_seconds = time.monotonic() - started
            recorded = finish(self._jobs, message.lane, outcomes, token, busy_seconds=busy_seconds, origin=origin)
        self._measures.busy(message.lane, busy_seconds)
        self._measures.failures(outcome for outcome, ours in zip(outcomes.values(), recorded, strict=True) if ours)
        log.info(
            "message predicted",
            extra={
                "model": message.model_key,
                "jobs": len(claimed),
                "recorded": sum(recorded),
                "seconds": busy_seconds,
            },
        )

    def _read_rows(self, job_id: str) -> list[Row]:
        """Return rows that were too large for the message; none if the record was lost a moment ago."""
        job = self._jobs.find(job_id)
        return job.spec.rows if job else []

    def _predict(self, model_key: str, jobs: Mapping[str, list[Row]]) -> dict[str, Outcome]:
        try:
            predictor = self._predictors.get(model_key)
        except ModelUnavailable as error:
            failure = JobError(JobErrorCode.MODEL_UNAVAILABLE, str(error))
            return {job_id: Outcome(JobStatus.FAILED, error=failure) for job_id in jobs}
        rows = [row for job_rows in jobs.values() for row in job_rows]
        started = time.perf_counter()
        results = predict_rows(predictor, rows)
        seconds = time.perf_counter() - started
        manifest = predictor.manifest
        self._measures.predicted(manifest.name, manifest.version, rows=len(rows), seconds=seconds)
        failed = sum(isinstance(result, RowFailure) for result in results)
        self._measures.rows(Lane.INTERACTIVE, predicted=len(rows) - failed, failed=failed)
        outcomes = {}
        offset = 0
        for job_id, job_rows in jobs.items():
            own = results[offset : offset + len(job_rows)]
            outcomes[job_id] = _outcome(own, batch_rows=len(rows), predict_seconds=seconds)
            offset += len(job_rows)
        return outcomes


def predict_rows(predictor: Predictor, rows: Sequence[Row]) -> list[RowResult]:
    """Predict all rows in one call; when that fails, halve until each culprit stands alone.

    Returns one result per row, in the same order. k bad rows of n cost about 2 k log2(n) calls.
    """
    if not rows:
        return []
    try:
        return list(predictor.predict(rows))
    except Exception as error:
        # The model's own code runs here, so anything may come out of it.
        if len(rows) == 1:
            return [_failure(error)]
    middle = len(rows) // 2
    return predict_rows(predictor, rows[:middle]) + predict_rows(predictor, rows[middle:])


def _failure(error: Exception) -> RowFailure:
    if isinstance(error, OutputInvalid):
        return RowFailure(JobErrorCode.OUTPUT_INVALID, str(error))
    # The text of the exception may hold values of the row, which belong to the client who sent them.
    return RowFailure(JobErrorCode.PREDICTION_FAILED, f"the model raised {type(error).__name__}: {error}"[:500])


def _outcome(results: Sequence[RowResult], *, batch_rows: int, predict_seconds: float) -> Outcome:
    """One bad row fails its job, because the output of a job is whole; the error names each bad row."""
    failures = [(number, result) for number, result in enumerate(results) if isinstance(result, RowFailure)]
    if not failures:
        predictions = [result for result in results if not isinstance(result, RowFailure)]
        return Outcome(JobStatus.SUCCEEDED, predictions, None, batch_rows, predict_seconds)
    notes = tuple(FieldNote(f"/{number}", failure.code, failure.detail) for number, failure in failures[:NAMED_ROWS])
    detail = f"{len(failures)} of {len(results)} rows got no prediction: {failures[0][1].detail}"
    return Outcome(JobStatus.FAILED, None, JobError(failures[0][1].code, detail, notes), batch_rows, predict_seconds)
