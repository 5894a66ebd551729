"""The steps of a batch as jobs: deterministic ids, so that accepting one again changes nothing."""

from shared.batches import BatchSpec
from shared.jobs import BatchStep, JobSpec, StepKind
from shared.queues import Lane

#: A chunk is only a share of what was accepted, so it is tried more often than a job before it is given up:
#: workers that are killed at random must not cost a file its rows.
STEP_ATTEMPTS = 20


def split_job(spec: BatchSpec) -> JobSpec:
    """Return the job that finds the chunks of a batch."""
    return _step_job(spec, StepKind.SPLIT, 0, f"{spec.id}.split")


def chunk_job(spec: BatchSpec, index: int) -> JobSpec:
    """Return the job that predicts one chunk."""
    return _step_job(spec, StepKind.CHUNK, index, f"{spec.id}.chunk.{index}")


def mend_job(spec: BatchSpec, index: int) -> JobSpec:
    """Return the job that merges one file of mended rows."""
    return _step_job(spec, StepKind.MEND, index, f"{spec.id}.mend.{index}")


def _step_job(spec: BatchSpec, kind: StepKind, index: int, job_id: str) -> JobSpec:
    return JobSpec(
        id=job_id,
        lane=Lane.BULK,
        model=spec.model,
        rows=[],
        is_single=True,
        deadline_seconds=spec.deadline_seconds,
        max_attempts=STEP_ATTEMPTS,
        step=BatchStep(spec.id, kind, index),
        owner=spec.owner,
    )
