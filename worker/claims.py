"""Claim and finish jobs, and write their records again where the store has lost them and the message has not."""

import logging
from collections.abc import Mapping, Sequence

from shared.job_store import JobStore, Verdict
from shared.jobs import Outcome
from shared.queues import Lane
from shared.sqs_messages import Origin

log = logging.getLogger(__name__)


def claim(jobs: JobStore, job_ids: Sequence[str], token: str, origin: Origin | None) -> list[Verdict]:
    """Take the leases of the jobs of one message; raises StoreUnavailable.

    origin: what the message says of its jobs, if its broker keeps messages that the store may lose.
    """
    verdicts = jobs.claim(job_ids, token)
    lost = [job_id for job_id, verdict in zip(job_ids, verdicts, strict=True) if verdict is Verdict.UNKNOWN]
    if not _restore(jobs, lost, origin):
        return verdicts
    # The same token: what it has already stays claimed.
    return jobs.claim(job_ids, token)


def finish(
    jobs: JobStore,
    lane: Lane,
    outcomes: Mapping[str, Outcome],
    token: str,
    *,
    busy_seconds: float,
    origin: Origin | None,
) -> list[bool]:
    """Write how claimed jobs ended, those too whose records were lost meanwhile; raises StoreUnavailable."""
    recorded = jobs.finish(lane, outcomes, token, busy_seconds=busy_seconds)
    missing = [job_id for job_id, ours in zip(outcomes, recorded, strict=True) if not ours]
    if not _restore(jobs, missing, origin):
        return recorded
    jobs.claim(missing, token)
    return jobs.finish(lane, outcomes, token, busy_seconds=0.0)


def _restore(jobs: JobStore, job_ids: Sequence[str], origin: Origin | None) -> int:
    """Return how many of the records were lost and are written again."""
    if not job_ids or origin is None:
        return 0
    wanted = frozenset(job_ids)
    specs = [spec for spec in origin.specs if spec.id in wanted]
    restored = jobs.restore(specs, sent_at=origin.sent_at) if specs else 0
    if restored:
        log.warning("lost records written again", extra={"jobs": restored})
    return restored
