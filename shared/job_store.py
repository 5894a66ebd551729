"""JobStore: the only truth about jobs, and its Redis implementation.

Every change of a record is one atomic script; the scripts lie in lua/. Nothing here sends messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Protocol

import orjson
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError

from shared.batches import BatchError, BatchErrorCode
from shared.errors import NotReplicated, StoreFull, StoreUnavailable
from shared.job_errors import JobErrorCode
from shared.job_lists import PAGE_LOOKS, JobPage, find_listed, list_of, listed_seconds, lists_of
from shared.job_records import encode_outcome, encode_spec, queue_state, read_job, seconds_per_job
from shared.job_terms import DeleteVerdict, Earlier, RetryVerdict, encode_place
from shared.jobs import Job, JobError, JobSpec, JobStatus, Outcome, QueueState
from shared.queues import Lane
from shared.rates import OnDebt, Rate, ignore_debt, tell_debts
from shared.redis_client import Argument, Script, read_scripts
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from shared.sweeps import Release, Sweep, log_left_alone, read_stuck
from shared.values import value

#: Most jobs that one sweep sends again: it bounds the time for which a script holds the server.
SWEEP_JOBS = 200

CANCELED = Outcome(JobStatus.CANCELED, error=JobError(JobErrorCode.CANCELED, "Canceled at the request of the client."))
EXPIRED = Outcome(
    JobStatus.EXPIRED,
    error=JobError(
        JobErrorCode.DEADLINE_PASSED, "Its deadline passed before it was finished; submit again with more time."
    ),
)
WORKER_DIED = Outcome(
    JobStatus.FAILED,
    error=JobError(
        JobErrorCode.WORKER_DIED,
        "Every worker that took this job died or hung while predicting it, so it was set aside. "
        "The input probably crashes the model: try it alone against the model file.",
    ),
)
#: What a batch fails with when a step of it was set aside.
STEP_LOST = orjson.dumps(
    BatchError(
        BatchErrorCode.WORKER_DIED,
        "Every worker that took one of its chunks died, so the batch was given up; the rows done so far can be read.",
    )
)


class Verdict(StrEnum):
    """What a worker may do with a job that a message named."""

    #: Predict it: the lease is this worker's.
    CLAIMED = "claimed"
    #: Leave it: another worker holds its lease.
    RUNNING = "running"
    #: Leave it: it has its answer.
    FINAL = "final"
    #: Leave it: there is no such record, or no longer.
    UNKNOWN = "unknown"


class CancelVerdict(StrEnum):
    """What became of a request to cancel."""

    CANCELED = "canceled"
    #: It runs; it will end `canceled` unless its worker dies, and then too.
    RUNNING = "running"
    #: Too late: it ended otherwise.
    FINAL = "final"
    UNKNOWN = "unknown"


@value
class Accepted:
    """What the store adds to a job that it accepted."""

    created_at: float
    queue: QueueState
    #: Workers of its lane that are alive.
    live_workers: int
    #: Set when the job was not accepted, because another one was for the same key or id.
    earlier: Earlier | None = None
    #: Set when the job was not accepted, because it would wait too long; after so long there is room for it.
    retry_after_seconds: float | None = None
    #: It was not accepted because its key has no request left; after `retry_after_seconds` there is one.
    is_spent: bool = False

    @property
    def is_new(self) -> bool:
        return self.earlier is None and self.retry_after_seconds is None


class JobStore(Protocol):
    """Every operation raises StoreUnavailable when the store does not answer.

    All are safe to call again after such a failure: the second call finds what the first one did.
    """

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        """Write the records of jobs of one lane, all or none. After it the jobs are promised.

        entry: a message that is enqueued in the same step, on a queue of the store's own server.
        A job with `once` is not accepted when another one was: its `Accepted` names that one. Nor is one that would
        wait for longer than the settings or its own deadline allow, or whose `rate` is used up.
        Raises StoreFull, and NotReplicated when the jobs are recorded but may be lost with the primary.
        """

    def claim(self, job_ids: Sequence[str], token: str) -> list[Verdict]:
        """Take the lease of every queued job under one token."""

    def restore(self, specs: Sequence[JobSpec], *, sent_at: float) -> int:
        """Write lost records again, from a message that was sent at `sent_at` while its jobs were open.

        A record that may have run out since then is not lost. Returns how many it wrote.
        """

    def renew(self, job_ids: Sequence[str], token: str) -> int:
        """Extend the leases that are still this token's; returns how many are."""

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        """Write how claimed jobs ended, unless another writer was first.

        busy_seconds: worker time that these jobs took, for the expected time of the jobs behind them.
        Returns for each job whether its record holds the end of this claim.
        """

    def release(self, job_ids: Sequence[str], token: str) -> Release:
        """Queue again the jobs that are still this token's, as if they had never been claimed."""

    def cancel(self, job_id: str) -> CancelVerdict:
        """Cancel a queued job at once and a running one when its worker is done."""

    def delete(self, job_id: str) -> DeleteVerdict:
        """Delete a job with its input and output; no message brings it back."""

    def retry(self, spec: JobSpec, token: str, *, rate: Rate | None = None) -> tuple[RetryVerdict, float]:
        """Queue a failed or expired job again under its id.

        token: tells this request from every other. rate: what its key is limited to.
        Returns also when that was, or when there is no room after how many seconds there is.
        """

    def find(self, job_id: str) -> Job | None:
        """Return the job, or None when there is no record under this id; raises RecordUnreadable."""

    def find_all(self, job_ids: Sequence[str]) -> list[Job | None]:
        """Return for each id what `find` does."""

    def page(
        self, owner: str, *, limit: int, status: JobStatus | None = None, model: str | None = None, cursor: str = ""
    ) -> JobPage:
        """Return jobs of one owner, the newest first, without rows and without output.

        cursor: `next_cursor` of the page before.
        """

    def glance(self, keys: Sequence[str]) -> list[str]:
        """Return for each record a text that changes whenever clients see a change of it.

        keys: `job:` or `batch:` and the id.
        """

    def ended(self, job_ids: Sequence[str]) -> list[str]:
        """Return those of the jobs that are final or past their deadline; one without a record may yet be accepted."""

    def sweep(self, oldest: Mapping[Lane, float | None]) -> Sweep:
        """Expire, set aside and queue again what is due.

        oldest: for each lane the time at which its oldest message was enqueued, None for an empty queue. A
        lane whose broker cannot tell is left out, and its queued jobs are left alone.
        """


@contextmanager
def store_errors() -> Iterator[None]:
    """Translate what redis-py raises into our tree."""
    try:
        yield
    except OutOfMemoryError as error:
        raise StoreFull("The job store has no memory left; nothing was accepted. Try again later.") from error
    except RedisError as error:
        raise StoreUnavailable(f"The job store does not answer ({type(error).__name__}). Try again later.") from error


def run_accepting(script: Script, settings: Settings, arguments: Sequence[Argument]) -> Any:
    """Run a script that accepts something, until as many replicas have it as the settings ask for.

    Raises NotReplicated when they do not have it in time; it is written then all the same.
    """
    wanted = settings.accept_replicas
    with store_errors():
        if not wanted:
            return script(keys=[settings.key_root], args=arguments)
        answer, having = script.replicated(
            keys=[settings.key_root],
            args=arguments,
            replicas=wanted,
            timeout_seconds=settings.accept_replicas_timeout_seconds,
        )
    if having < wanted:
        raise NotReplicated(
            f"Only {having} of {wanted} replicas confirmed it in time, so it may be lost with the primary. It may also "
            "be carried out all the same. Submit it again later."
        )
    return answer


class RedisJobStore:
    """JobStore in one Redis or Valkey, version 7.0 or newer.

    on_debt: is told how the bucket of a rate stands, whenever a job was asked for under it.
    """

    def __init__(self, redis: Redis, settings: Settings, *, on_debt: OnDebt = ignore_debt) -> None:
        self._settings = settings
        self._on_debt = on_debt
        self._root = settings.key_root
        names = ("claim", "renew", "finish", "release", "cancel", "find", "ended", "delete", "job_page", "glance")
        free = dict.fromkeys((*names, "unreadable"), True)
        # The server runs the preludes at every call, so each script has only those that it needs.
        texts = read_scripts(free, "record")
        # What is not limited needs nothing of it.
        admission = ["admission"] if settings.max_queue_seconds else []
        texts |= read_scripts({"retry": False}, "record", "rates", *admission)
        texts |= read_scripts({"accept": False}, "record", "rates", "terms", *admission)
        texts |= read_scripts({"restore": True}, "record", "terms") | read_scripts({"sweep": True}, "record", "batch")
        self._scripts = {name: Script(redis, text) for name, text in texts.items()}
        self._expired = encode_outcome(EXPIRED)
        self._canceled = encode_outcome(CANCELED)
        self._worker_died = encode_outcome(WORKER_DIED)

    def _run(self, script: str, *arguments: Argument) -> Any:
        with store_errors():
            return self._scripts[script](keys=[self._root], args=arguments)

    def accept(self, specs: Sequence[JobSpec], *, entry: QueueEntry | None = None) -> list[Accepted]:
        (lane,) = {spec.lane for spec in specs}
        arguments: list[bytes | str | float] = [lane.value]
        arguments += [entry.key, entry.before, entry.after] if entry is not None else ["", "", ""]
        # The chunks of a file are promised with it.
        arguments += [listed_seconds(self._settings), self._settings.max_queue_seconds * (lane is Lane.INTERACTIVE)]
        for spec in specs:
            arguments += [spec.id, encode_spec(spec), spec.deadline_seconds, spec.reply_to, spec.max_attempts]
            arguments.append(encode_place(spec, self._settings))
        workers, busy, jobs, *rest = run_accepting(self._scripts["accept"], self._settings, arguments)
        told = rest[2 * len(specs) :]
        if told:
            tell_debts(told, {spec.rate.text: spec.rate for spec in specs if spec.rate is not None}, self._on_debt)
            del rest[-len(told) :]
        each = seconds_per_job(workers, busy, jobs)
        return [
            _read_accepted(first, second, workers, each) for first, second in zip(rest[::2], rest[1::2], strict=True)
        ]

    def claim(self, job_ids: Sequence[str], token: str) -> list[Verdict]:
        settings = self._settings
        answer = self._run("claim", token, settings.lease_seconds, settings.retention_seconds, self._expired, *job_ids)
        return [Verdict(verdict.decode()) for verdict in answer]

    def restore(self, specs: Sequence[JobSpec], *, sent_at: float) -> int:
        arguments: list[bytes | str | float] = [self._settings.retention_seconds, sent_at]
        arguments.append(listed_seconds(self._settings))
        for spec in specs:
            arguments += [spec.lane.value, spec.id, encode_spec(spec), spec.deadline_seconds]
            arguments += [spec.reply_to, spec.max_attempts, encode_place(spec, self._settings)]
        return int(self._run("restore", *arguments))

    def renew(self, job_ids: Sequence[str], token: str) -> int:
        return int(self._run("renew", token, self._settings.lease_seconds, *job_ids))

    def finish(self, lane: Lane, outcomes: Mapping[str, Outcome], token: str, *, busy_seconds: float) -> list[bool]:
        arguments: list[bytes | str | float] = [
            token,
            self._settings.retention_seconds,
            lane.value,
            busy_seconds,
            self._canceled,
        ]
        for job_id, outcome in outcomes.items():
            arguments += [job_id, outcome.status.value, encode_outcome(outcome)]
        return [bool(ours) for ours in self._run("finish", *arguments)]

    def release(self, job_ids: Sequence[str], token: str) -> Release:
        at, *jobs = self._run("release", token, self._settings.retention_seconds, self._canceled, *job_ids)
        released, unreadable = read_stuck(jobs)
        self._leave_alone(unreadable)
        return Release(float(at), released)

    def cancel(self, job_id: str) -> CancelVerdict:
        answer = self._run("cancel", job_id, self._settings.retention_seconds, self._canceled)
        return CancelVerdict(answer.decode())

    def delete(self, job_id: str) -> DeleteVerdict:
        return DeleteVerdict(self._run("delete", job_id, self._settings.retention_seconds, self._canceled).decode())

    def retry(self, spec: JobSpec, token: str, *, rate: Rate | None = None) -> tuple[RetryVerdict, float]:
        arguments: list[bytes | str | float] = [spec.id, token, spec.deadline_seconds, spec.max_attempts]
        arguments += [rate.text if rate else "", self._settings.max_queue_seconds, list_of(spec)]
        verdict, at, *told = run_accepting(self._scripts["retry"], self._settings, arguments)
        tell_debts(told, {rate.text: rate} if rate else {}, self._on_debt)
        return RetryVerdict(verdict.decode()), float(at)

    def page(
        self, owner: str, *, limit: int, status: JobStatus | None = None, model: str | None = None, cursor: str = ""
    ) -> JobPage:
        settings = self._settings
        wanted = orjson.dumps(model) if model is not None else ""
        span, _, left = cursor.partition("-")
        arguments: list[bytes | str | float] = [lists_of(owner), listed_seconds(settings), limit, PAGE_LOOKS]
        next_cursor, *found = self._run("job_page", *arguments, status or "", wanted, span, left)
        jobs = [job for fields in found if (job := find_listed(fields)) is not None]
        return JobPage(jobs, next_cursor.decode() or None)

    def glance(self, keys: Sequence[str]) -> list[str]:
        return [text.decode() for text in self._run("glance", *keys)]

    def find(self, job_id: str) -> Job | None:
        (job,) = self.find_all([job_id])
        return job

    def find_all(self, job_ids: Sequence[str]) -> list[Job | None]:
        answer = self._run("find", self._settings.retention_seconds, self._expired, *job_ids)
        return [_read_found(job_id, *found) for job_id, found in zip(job_ids, answer, strict=True)]

    def ended(self, job_ids: Sequence[str]) -> list[str]:
        return [job_id.decode() for job_id in self._run("ended", *job_ids)]

    def sweep(self, oldest: Mapping[Lane, float | None]) -> Sweep:
        settings = self._settings
        arguments: list[bytes | str | float] = [
            settings.retention_seconds,
            settings.quarantine_retention_seconds,
            settings.resend_after_seconds,
            SWEEP_JOBS,
            self._expired,
            self._worker_died,
            self._canceled,
            STEP_LOST,
        ]
        for lane in Lane:
            since = oldest.get(lane, "-inf")
            arguments += [lane.value, "" if since is None else since]
        at, expired, quarantined, resend, broken = self._run("sweep", *arguments)
        stuck, unreadable = read_stuck(resend)
        self._leave_alone(broken + unreadable)
        return Sweep(float(at), stuck, expired, quarantined)

    def _leave_alone(self, job_ids: Sequence[bytes]) -> None:
        """Let jobs that nobody can read stand in nobody's way."""
        if job_ids:
            lanes = [lane.value for lane in Lane]
            self._run("unreadable", self._settings.retention_seconds, len(lanes), *lanes, *job_ids)
            log_left_alone(job_ids)


def _read_found(job_id: str, fields: Sequence[bytes] = (), queue: Sequence[Any] = ()) -> Job | None:
    """Return the job that the script found: a record as field, value …, and how its lane stands while it is queued."""
    if not fields:
        return None
    record = dict(zip(fields[::2], fields[1::2], strict=True))
    return read_job(job_id, record, queue_state(queue[0], seconds_per_job(*queue[1:])) if queue else None)


def _read_accepted(first: bytes, second: Any, workers: int, each: float | None) -> Accepted:
    """Return what `accept` answers for one job."""
    if isinstance(second, int):
        return Accepted(float(first), queue_state(second, each), workers)
    if second in (b"full", b"spent"):
        is_spent = second == b"spent"
        return Accepted(0.0, QueueState(0, None), workers, retry_after_seconds=float(first), is_spent=is_spent)
    return Accepted(0.0, QueueState(0, None), workers, Earlier(first.decode(), second == b"same"))
