"""In-memory stand-ins; those with a contract pass the same tests as the real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.errors import BrokerUnavailable
from shared.job_lists import JobPage
from shared.job_records import JobEnd
from shared.job_store import (
    CANCELED,
    EXPIRED,
    WORKER_DIED,
    Accepted,
    CancelVerdict,
    Verdict,
)
from shared.job_terms import DeleteVerdict, Earlier, RetryVerdict
from shared.jobs import RETRYABLE, TRANSITIONS, Job, JobSpec, JobStatus, Outcome, QueueState
from shared.manifest import ModelManifest
from shared.queues import Lane
from shared.rates import OnDebt, Rate, ignore_debt
from shared.redis_messages import QueueEntry
from shared.registry import ServedModel
from shared.settings import Settings
from shared.sweeps import Release, Stuck, Sweep
from tests.timed_stores import TimedRedisBatchStore as TimedRedisBatchStore  # noqa: PLC0414  # Read from here by many.
from tests.timed_stores import TimedRedisJobStore as TimedRedisJobStore  # noqa: PLC0414  # Read from here by many.


@dataclass
class _Record:
    job: Job
    #: When its message was last enqueued, and until when its lease holds.
    enqueued_at: float
    token: str = ""
    lease_until: float = 0.0
    #: It runs and is to be deleted.
    is_deleted: bool = False
    retried_by: str = ""
    #: Attempts since it was retried; 0 while it was not.
    allowed: int = 0


class FakeJobStore:
    """JobStore in a dictionary, with a clock that a test moves."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._records: dict[str, _Record] = {}
        #: Records that are missing on purpose, and idempotency keys.
        self._gone: set[str] = set()
        self._keys: dict[str, tuple[str, str, float]] = {}
        self._clock = 1_700_000_000.0
        #: By the name of the rate: when its bucket is full.
        self._full_at: dict[str, float] = {}
        self.on_debt: OnDebt = ignore_debt
        #: Messages that were enqueued with the records.
        self.entries: list[QueueEntry] = []

    def let_time_pass(self, seconds: float) -> None:
        self._clock += seconds
        gone = [i for i, r in self._records.items() if self._is_over(r.job)]
        for job_id in gone:
            del self._records[job_id]

    def _is_over(self, job: Job) -> bool:
        hand_over = 5.0 if job.spec.retain_seconds == 0 else 0.0
        return job.expires_at is not None and job.expires_at + hand_over <= self._clock

    def _find_earlier(self, spec: JobSpec) -> Earlier | None:
        once, record = spec.once, self._records.get(spec.id)
        if once is None:
            return Earlier(spec.id, is_same=True) if spec.id in self._gone and record is None else None
        if not once.key:
            known = record.job.spec.once if record else None
            is_same = known.digest == once.digest if known else True
            return Earlier(spec.id, is_same) if record or spec.id in self._gone else None
        job_id, digest, until = self._keys.get(once.key, ("", "", 0.0))
        if until <= self._clock or (job_id == spec.id and job_id not in self._gone):
            return None
        return Earlier(job_id, digest == once.digest)

    def _note_key(self, spec: JobSpec) -> None:
        if spec.once and spec.once.key:
            until = self._clock + self._settings.idempotency_seconds
            self._keys.setdefault(spec.once.key, (spec.id, spec.once.digest, until))

    def _move(self, record: _Record, status: JobStatus, outcome: Outcome | None = None) -> None:
        assert status in TRANSITIONS[record.job.status], f"{record.job.status} → {status}"
        record.job = replace(record.job, status=status)
        if outcome is not None:
            died = outcome is WORKER_DIED
            kept = self._settings.quarantine_retention_seconds if died else self._settings.retention_seconds
            record.job = replace(record.job, outcome=outcome, completed_at=self._clock, expires_at=self._clock + kept)
            self._retain(record, kept)

    def _retain(self, record: _Record, kept: int) -> None:
        spec = record.job.spec
        wanted = spec.retain_seconds
        if wanted is not None and wanted < kept:
            rows = spec.rows if wanted else []
            record.job = replace(record.job, spec=replace(spec, rows=rows), expires_at=self._clock + wanted)
            self._gone.add(spec.id)
        if record.is_deleted:
            self._gone.add(spec.id)
            del self._records[spec.id]

    def _queued(self, lane: Lane) -> list[_Record]:
        queued = [
            record
            for record in self._records.values()
            if record.job.status is JobStatus.QUEUED and record.job.spec.lane is lane
        ]
        return sorted(queued, key=lambda record: (record.enqueued_at, record.job.id))

    def _state(self, job: Job) -> QueueState | None:
        if job.status is not JobStatus.QUEUED:
            return None
        ids = [record.job.id for record in self._queued(job.spec.lane)]
        return QueueState(ids.index(job.id), None)

    def _take_request(self, rate: Rate | None) -> float | None:
        """Take a request from a bucket; returns None, or the seconds until there is one."""
        if rate is None:
            return None
        debt = max(0.0, self._full_at.get(rate.name, 0.0) - self._clock)
        wait = rate.wait_seconds(debt)
        if not wait:
            debt += rate.each_seconds
            self._full_at[rate.name] = self._clock + debt
        self.on_debt(rate, debt)
        return wait or None

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        if entry is not None:
            self.entries.append(entry)
        accepted = []
        for spec in specs:
            if (earlier := self._find_earlier(spec)) is not None:
                accepted.append(Accepted(0.0, QueueState(0, None), live_workers=1, earlier=earlier))
                continue
            if spec.id not in self._records and (wait := self._take_request(spec.rate)) is not None:
                refused = Accepted(0.0, QueueState(0, None), live_workers=1, retry_after_seconds=wait, is_spent=True)
                accepted.append(refused)
                continue
            self._keys.pop(spec.once.key, None) if spec.once and spec.id not in self._records else None
            self._note_key(spec)
            job = Job(spec, JobStatus.QUEUED, 0, self._clock)
            record = self._records.setdefault(spec.id, _Record(job, self._clock))
            queue = self._state(record.job) or QueueState(0, None)
            accepted.append(Accepted(record.job.created_at, queue, live_workers=1))
        return accepted

    def restore(self, specs: Sequence[JobSpec], *, sent_at: float) -> int:
        lost = [spec for spec in specs if spec.id not in self._records and spec.id not in self._gone]
        if self._clock >= sent_at + self._settings.retention_seconds - 10:
            return 0
        for spec in lost:
            self._records[spec.id] = _Record(Job(spec, JobStatus.QUEUED, 0, sent_at), self._clock)
        return len(lost)

    def claim(self, job_ids: Sequence[str], token: str) -> list[Verdict]:
        return [self._claim_one(job_id, token) for job_id in job_ids]

    def _claim_one(self, job_id: str, token: str) -> Verdict:
        record = self._records.get(job_id)
        if record is None:
            return Verdict.UNKNOWN
        if record.job.status is JobStatus.RUNNING:
            return Verdict.CLAIMED if record.token == token else Verdict.RUNNING
        if record.job.status.is_final:
            return Verdict.FINAL
        if record.job.deadline <= self._clock:
            self._move(record, JobStatus.EXPIRED, EXPIRED)
            return Verdict.FINAL
        self._move(record, JobStatus.RUNNING)
        record.job = replace(record.job, started_at=self._clock, attempt=record.job.attempt + 1)
        record.token = token
        record.lease_until = self._clock + self._settings.lease_seconds
        return Verdict.CLAIMED

    def renew(self, job_ids: Sequence[str], token: str) -> int:
        ours = [
            record
            for job_id in job_ids
            if (record := self._records.get(job_id))
            and record.job.status is JobStatus.RUNNING
            and record.token == token
        ]
        for record in ours:
            record.lease_until = self._clock + self._settings.lease_seconds
        return len(ours)

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        return [self._finish_one(job_id, outcome, token) for job_id, outcome in outcomes.items()]

    def _finish_one(self, job_id: str, outcome: Outcome, token: str) -> bool:
        record = self._records.get(job_id)
        if record is None or record.token != token:
            return False
        if record.job.status is JobStatus.RUNNING:
            ended = CANCELED if record.job.cancel_requested else outcome
            self._move(record, ended.status, ended)
        return record.job.status.is_final

    def release(self, job_ids: Sequence[str], token: str) -> Release:
        records = [record for job_id in job_ids if (record := self._records.get(job_id)) and record.token == token]
        for record in records:
            if record.job.status is JobStatus.RUNNING and record.job.cancel_requested:
                self._move(record, JobStatus.CANCELED, CANCELED)
            elif record.job.status is JobStatus.RUNNING:
                self._move(record, JobStatus.QUEUED)
                record.job = replace(record.job, attempt=record.job.attempt - 1, started_at=None)
                record.enqueued_at = self._clock
        queued = [record.job for record in records if record.job.status is JobStatus.QUEUED]
        return Release(self._clock, [Stuck(job.spec, job.attempt) for job in queued])

    def cancel(self, job_id: str) -> CancelVerdict:
        record = self._records.get(job_id)
        if record is None:
            return CancelVerdict.UNKNOWN
        if record.job.status is JobStatus.QUEUED:
            self._move(record, JobStatus.CANCELED, CANCELED)
        if record.job.status is JobStatus.RUNNING:
            record.job = replace(record.job, cancel_requested=True)
            return CancelVerdict.RUNNING
        return CancelVerdict.CANCELED if record.job.status is JobStatus.CANCELED else CancelVerdict.FINAL

    def delete(self, job_id: str) -> DeleteVerdict:
        record = self._records.get(job_id)
        if record is None:
            return DeleteVerdict.DELETED if job_id in self._gone else DeleteVerdict.UNKNOWN
        record.is_deleted = True
        if record.job.status is JobStatus.RUNNING:
            record.job = replace(record.job, cancel_requested=True)
            return DeleteVerdict.RUNNING
        if record.job.status is JobStatus.QUEUED:
            self._move(record, JobStatus.CANCELED, CANCELED)
        else:
            self._gone.add(job_id)
            del self._records[job_id]
        return DeleteVerdict.DELETED

    def retry(self, spec: JobSpec, token: str, *, rate: Rate | None = None) -> tuple[RetryVerdict, float]:
        record = self._records.get(spec.id)
        if record is None or record.is_deleted:
            return RetryVerdict.UNKNOWN, 0.0
        if record.retried_by == token:
            return RetryVerdict.QUEUED, record.job.queued_at
        if record.job.status not in RETRYABLE:
            return RetryVerdict.NOT_RETRYABLE, 0.0
        if not record.job.spec.rows:
            return RetryVerdict.INPUT_DROPPED, 0.0
        if self._take_request(rate) is not None:
            return RetryVerdict.SPENT, 0.0
        self._gone.discard(spec.id)
        again = Job(record.job.spec, JobStatus.QUEUED, record.job.attempt, record.job.created_at)
        record.job = replace(again, retries=record.job.retries + 1, retried_at=self._clock)
        record.token, record.retried_by, record.enqueued_at = "", token, self._clock
        record.allowed = record.job.attempt + spec.max_attempts
        return RetryVerdict.QUEUED, self._clock

    def page(
        self, owner: str, *, limit: int, status: JobStatus | None = None, model: str | None = None, cursor: str = ""
    ) -> JobPage:
        jobs = [
            replace(record.job, spec=replace(record.job.spec, rows=[]), outcome=_without_output(record.job.outcome))
            for record in reversed(self._records.values())
            if record.job.spec.owner == owner and not record.is_deleted and record.job.spec.step is None
            if not (record.job.spec.retain_seconds == 0 and record.job.status.is_final)
            if status in (None, record.job.status) and model in (None, record.job.spec.model.name)
        ]
        start = int(cursor.partition("-")[2] or 0)
        following = start + limit
        return JobPage(jobs[start:following], f"0-{following}" if following < len(jobs) else None)

    def glance(self, keys: Sequence[str]) -> list[str]:
        jobs = [self.find(key.partition(":")[2]) for key in keys]
        return [f"{job.status} {job.attempt} {job.retries} {job.cancel_requested}" if job else "" for job in jobs]

    def find(self, job_id: str) -> Job | None:
        record = self._records.get(job_id)
        if record is None or record.is_deleted:
            return None
        if not record.job.status.is_final and record.job.deadline <= self._clock:
            self._move(record, JobStatus.EXPIRED, EXPIRED)
        return replace(record.job, queue=self._state(record.job))

    def find_all(self, job_ids: Sequence[str]) -> list[Job | None]:
        return [self.find(job_id) for job_id in job_ids]

    def ended(self, job_ids: Sequence[str]) -> list[str]:
        records = [self._records[job_id] for job_id in job_ids if job_id in self._records]
        over = [record.job.id for record in records if record.job.status.is_final or record.job.deadline <= self._clock]
        return over + [job_id for job_id in job_ids if job_id in self._gone and job_id not in self._records]

    def end_of(self, job_id: str) -> JobEnd:
        """Return what the real store tells the API process of a final job."""
        job = self._records[job_id].job
        assert job.completed_at is not None
        assert job.expires_at is not None
        assert job.outcome is not None
        return JobEnd(
            id=job.id,
            status=job.status,
            attempt=job.attempt,
            created_at=job.created_at,
            started_at=job.started_at,
            completed_at=job.completed_at,
            expires_at=job.expires_at,
            cancel_requested=job.cancel_requested,
            outcome=job.outcome,
        )

    def sweep(self, oldest: Mapping[Lane, float | None]) -> Sweep:
        open_records = [record for record in self._records.values() if not record.job.status.is_final]
        expired = [record for record in open_records if record.job.deadline <= self._clock]
        for record in expired:
            self._move(record, JobStatus.EXPIRED, EXPIRED)
        stuck, quarantined = self._sweep_leases()
        for lane, since in oldest.items():
            limit = (self._clock if since is None else min(since, self._clock)) - self._settings.resend_after_seconds
            stuck += [record for record in self._queued(lane) if record.enqueued_at <= limit]
        for record in stuck:
            record.enqueued_at = self._clock
        resend = [Stuck(record.job.spec, record.job.attempt) for record in stuck]
        return Sweep(self._clock, resend, len(expired), quarantined)

    def _sweep_leases(self) -> tuple[list[_Record], int]:
        running = [record for record in self._records.values() if record.job.status is JobStatus.RUNNING]
        stuck: list[_Record] = []
        quarantined = 0
        for record in running:
            if record.lease_until > self._clock:
                continue
            if record.job.cancel_requested:
                self._move(record, JobStatus.CANCELED, CANCELED)
            elif record.job.attempt >= (record.allowed or record.job.spec.max_attempts):
                self._move(record, JobStatus.FAILED, WORKER_DIED)
                quarantined += record.job.spec.retain_seconds is None
            else:
                self._move(record, JobStatus.QUEUED)
                record.token = ""
                record.enqueued_at = self._clock
                stuck.append(record)
        return stuck, quarantined


def _without_output(outcome: Outcome | None) -> Outcome | None:
    return outcome if outcome is not None and outcome.predictions is None else None


@dataclass
class FakeBroker:
    """Keeps what was sent; `is_down` makes every call fail."""

    sent: list[list[JobSpec]] = field(default_factory=list)
    is_down: bool = False

    def entry(self, specs: Sequence[JobSpec]) -> QueueEntry | None:
        """Return None: its queues lie elsewhere."""

    def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
        self._require_up()
        self.sent.append(list(specs))

    def check(self) -> None:
        self._require_up()

    def oldest_messages(self) -> Mapping[Lane, float | None]:
        self._require_up()
        return dict.fromkeys(Lane)

    def _require_up(self) -> None:
        if self.is_down:
            raise BrokerUnavailable


@dataclass
class FakeRegistry:
    """A fixed list of models and one live worker."""

    models: list[ServedModel] = field(default_factory=list)
    workers: int = 1

    def announce(self, worker_id: str, lanes: Sequence[Lane], manifests: Sequence[ModelManifest]) -> None:
        self.models += [ServedModel(manifest, is_ready=True) for manifest in manifests]

    def withdraw(self, worker_id: str) -> None:
        self.workers -= 1

    def served_models(self) -> list[ServedModel]:
        return self.models

    def live_workers(self, lane: Lane) -> int:
        return self.workers
