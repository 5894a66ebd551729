"""Jobs and batches as their owners see them: the one place where a record is read for a caller.

To everybody else an id is as unknown as one that was never given out.
"""

from api.callers import Caller
from api.greenlets import call_blocking
from api.grouped_reads import GroupedReads
from api.ids import BATCH_PREFIX, JobIds
from api.terms import is_client_id, record_id_of
from shared.batch_store import Batch, BatchStore
from shared.errors import BatchGone, BatchNotFound, JobGone, JobNotFound
from shared.job_store import JobStore
from shared.jobs import Job

_GONE = "The prediction existed; it is past its retention or was deleted."


class OwnedJobs:
    """The predictions of each caller."""

    def __init__(self, jobs: JobStore, ids: JobIds) -> None:
        self._jobs = jobs
        #: For those who may read any job.
        self.reads = GroupedReads(jobs)
        self._ids = ids

    def require(self, job_id: str, caller: Caller) -> Job:
        """Return the job; raises JobGone or JobNotFound, and StoreUnavailable.

        job_id: as the caller knows it.
        """
        is_own = is_client_id(job_id)
        record_id = record_id_of(job_id, owner=caller.owner) if is_own else job_id
        found = self.reads.find(record_id)
        if found is None and is_own and call_blocking(self._jobs.ended, [record_id]):
            raise JobGone(_GONE)
        job = self.require_found(found, job_id, caller)
        if job.spec.retain_seconds == 0 and job.status.is_final:
            raise JobGone("The prediction is done, and of this one nothing is kept.")
        return job

    def require_found(self, job: Job | None, job_id: str, caller: Caller) -> Job:
        """Return a job that was looked up for this caller; raises JobGone or JobNotFound."""
        # The steps of batches are jobs too, but nobody's predictions.
        if job is not None and job.spec.owner == caller.owner and job.spec.step is None:
            return job
        if call_blocking(self._ids.is_ours, job_id, owner=caller.owner):
            raise JobGone(_GONE)
        raise JobNotFound("No prediction was ever given this id.")


class OwnedBatches:
    """The batches of each caller."""

    def __init__(self, batches: BatchStore, ids: JobIds) -> None:
        self._batches = batches
        self._ids = ids

    def require(self, batch_id: str, caller: Caller) -> Batch:
        """Return the batch; raises BatchGone or BatchNotFound, and StoreUnavailable."""
        batch = self._batches.find(batch_id)
        is_own = batch is not None and batch.spec.owner == caller.owner
        if batch is not None and is_own and not batch.is_past_retention:
            return batch
        if self._ids.is_ours(batch_id, BATCH_PREFIX, owner=caller.owner):
            raise BatchGone("The batch existed; its record and files are past their retention.")
        raise BatchNotFound("No batch was ever given this id.")
