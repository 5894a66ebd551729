"""What the Redis store does besides the contract: it tells API processes how their jobs ended, and counts workers."""

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from shared.broker import CeleryBroker, make_celery
from shared.errors import FieldNote
from shared.job_errors import JobErrorCode
from shared.job_records import JobEnd, decode_ends, encode_outcome
from shared.job_store import Verdict
from shared.jobs import JobError, JobSpec, JobStatus, Outcome
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.registry import RedisRegistry
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.fakes import TimedRedisJobStore

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)
#: Largest outcome that a notification carries, in bytes.
LARGEST_TOLD_OUTCOME = 65_536
#: A notification that a test sends itself, to know that it has read all before it.
NOTHING = b"[]"
PATIENCE_SECONDS = 10.0

End = Callable[[TimedRedisJobStore], object]


class Listener:
    """An API process that notes what it is told."""

    def __init__(self, redis: Redis, channel: str) -> None:
        self.channel = channel
        self._redis = redis
        self._subscription = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(channel)
        # The confirmation: from now on nothing is missed.
        self._subscription.get_message(timeout=PATIENCE_SECONDS)

    def told(self) -> list[dict[str, JobEnd | None]]:
        """Return every notification so far."""
        self._redis.publish(self.channel, NOTHING)
        texts = iter(lambda: self._subscription.get_message(timeout=PATIENCE_SECONDS)["data"], NOTHING)
        return [decode_ends(text) for text in texts]

    def close(self) -> None:
        self._subscription.close()


@pytest.fixture
def listener(redis: Redis, settings: Settings) -> Iterator[Listener]:
    listener = Listener(redis, f"{settings.key_root}finished:one")
    yield listener
    listener.close()


@pytest.fixture
def other_listener(redis: Redis, settings: Settings) -> Iterator[Listener]:
    listener = Listener(redis, f"{settings.key_root}finished:other")
    yield listener
    listener.close()


def finish(jobs: TimedRedisJobStore, *job_ids: str, outcome: Outcome | None = None) -> None:
    """Do what a worker does with one message."""
    jobs.claim(job_ids, "t1")
    jobs.finish(Lane.INTERACTIVE, dict.fromkeys(job_ids, outcome or success()), "t1", busy_seconds=0.01)


def fail_with_notes(jobs: TimedRedisJobStore) -> None:
    notes = (FieldNote("/3", JobErrorCode.PREDICTION_FAILED, 'cannot bear "5 ft"\n'),)
    error = JobError(JobErrorCode.PREDICTION_FAILED, "quotes \" and ' and a \\ and a \u2028", notes)
    finish(jobs, "prd_a", outcome=Outcome(JobStatus.FAILED, error=error))


def lose_worker(jobs: TimedRedisJobStore, token: str = "t0") -> None:
    jobs.claim(["prd_a"], token)
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)


def finish_at_the_second_attempt(jobs: TimedRedisJobStore) -> None:
    lose_worker(jobs)
    finish(jobs, "prd_a")


def cancel_while_queued(jobs: TimedRedisJobStore) -> None:
    jobs.cancel("prd_a")


def cancel_while_queued_again(jobs: TimedRedisJobStore) -> None:
    lose_worker(jobs)
    jobs.cancel("prd_a")


def cancel_while_running(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")
    finish(jobs, "prd_a")


def cancel_and_lose_worker(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")
    jobs.let_time_pass(11)
    jobs.sweep(EMPTY_QUEUES)


def expire_while_queued(jobs: TimedRedisJobStore) -> None:
    jobs.let_time_pass(91)
    jobs.sweep(EMPTY_QUEUES)


def expire_while_running(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    expire_while_queued(jobs)


def expire_when_claimed(jobs: TimedRedisJobStore) -> None:
    jobs.let_time_pass(91)
    jobs.claim(["prd_a"], "t1")


def expire_when_read(jobs: TimedRedisJobStore) -> None:
    jobs.let_time_pass(91)
    jobs.find("prd_a")


def quarantine(jobs: TimedRedisJobStore) -> None:
    lose_worker(jobs, "t1")
    lose_worker(jobs, "t2")
    lose_worker(jobs, "t3")


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda jobs: finish(jobs, "prd_a"), id="succeeded"),
        pytest.param(fail_with_notes, id="failed"),
        pytest.param(finish_at_the_second_attempt, id="succeeded at the second attempt"),
        pytest.param(cancel_while_queued, id="canceled while queued"),
        pytest.param(cancel_while_queued_again, id="canceled while queued again"),
        pytest.param(cancel_while_running, id="canceled while running"),
        pytest.param(cancel_and_lose_worker, id="canceled when its worker died"),
        pytest.param(expire_while_queued, id="expired while queued"),
        pytest.param(expire_while_running, id="expired while running"),
        pytest.param(expire_when_claimed, id="expired when it was claimed"),
        pytest.param(expire_when_read, id="expired when it was read"),
        pytest.param(quarantine, id="quarantined"),
    ],
)
def test_an_api_process_is_told_what_the_record_has(jobs: TimedRedisJobStore, listener: Listener, end: End) -> None:
    spec = job_spec(reply_to=listener.channel, deadline_seconds=90.0)
    jobs.accept([spec])

    end(jobs)

    (ends,) = listener.told()
    told = ends["prd_a"]
    assert told is not None
    assert told.job(spec) == jobs.find("prd_a")


def test_jobs_that_end_together_are_told_together(jobs: TimedRedisJobStore, listener: Listener) -> None:
    jobs.accept([job_spec(job_id, reply_to=listener.channel) for job_id in ("prd_a", "prd_b")])

    finish(jobs, "prd_a", "prd_b")

    assert [list(ends) for ends in listener.told()] == [["prd_a", "prd_b"]]


def test_each_api_process_is_told_of_its_own_jobs(
    jobs: TimedRedisJobStore, listener: Listener, other_listener: Listener
) -> None:
    jobs.accept([job_spec("prd_a", reply_to=listener.channel), job_spec("prd_b", reply_to=other_listener.channel)])

    finish(jobs, "prd_a", "prd_b")

    assert [list(ends) for ends in listener.told()] == [["prd_a"]]
    assert [list(ends) for ends in other_listener.told()] == [["prd_b"]]


def test_an_end_that_is_written_again_after_a_lost_answer_is_told_once(
    jobs: TimedRedisJobStore, listener: Listener
) -> None:
    jobs.accept([job_spec(reply_to=listener.channel)])

    finish(jobs, "prd_a")
    finish(jobs, "prd_a")

    assert len(listener.told()) == 1


@pytest.mark.parametrize(
    ("size_bytes", "is_told"),
    [(LARGEST_TOLD_OUTCOME, True), (LARGEST_TOLD_OUTCOME + 1, False)],
    ids=["the largest", "a larger one"],
)
def test_a_large_outcome_is_not_told_but_looked_up(
    jobs: TimedRedisJobStore, listener: Listener, size_bytes: int, *, is_told: bool
) -> None:
    large = failure("x" * (size_bytes - len(encode_outcome(failure("")))))
    jobs.accept([job_spec(job_id, reply_to=listener.channel) for job_id in ("prd_large", "prd_small")])

    jobs.claim(["prd_large", "prd_small"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_large": large, "prd_small": success()}, "t1", busy_seconds=0.01)

    (ends,) = listener.told()
    told = {job_id: end and end.outcome for job_id, end in ends.items()}
    assert told == {"prd_large": large if is_told else None, "prd_small": success()}


def test_a_message_may_hold_more_jobs_than_one_command_takes(
    jobs: TimedRedisJobStore, listener: Listener, redis: Redis, settings: Settings
) -> None:
    job_ids = [f"prd_{number:04}" for number in range(4_001)]

    accepted = jobs.accept([job_spec(job_id, reply_to=listener.channel) for job_id in job_ids])
    finish(jobs, *job_ids)

    open_jobs = [redis.zcard(f"{settings.key_root}{name}") for name in ("queued:interactive", "running", "deadlines")]
    (ends,) = listener.told()
    assert [one.queue.position for one in accepted] == list(range(4_001))
    assert open_jobs == [0, 0, 0]
    assert list(ends) == job_ids == jobs.ended(job_ids)


def test_accepting_counts_the_live_workers_of_the_lane(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings
) -> None:
    registry = RedisRegistry(redis, settings)
    registry.announce("one", [Lane.INTERACTIVE, Lane.BULK], [])
    registry.announce("two", [Lane.INTERACTIVE], [])

    (interactive,) = jobs.accept([job_spec("prd_a")])
    (bulk,) = jobs.accept([job_spec("prd_b", lane=Lane.BULK)])

    assert (interactive.live_workers, bulk.live_workers) == (2, 1)


def test_a_worker_that_is_gone_does_not_count(jobs: TimedRedisJobStore, redis: Redis, settings: Settings) -> None:
    RedisRegistry(redis, settings).announce("one", [Lane.INTERACTIVE], [])
    jobs.let_time_pass(3_600)

    (accepted,) = jobs.accept([job_spec()])

    assert accepted.live_workers == 0


@pytest.fixture
def broker(redis: Redis, settings: Settings) -> CeleryBroker:
    return CeleryBroker(make_celery(settings), redis, settings)


def entry_of(broker: CeleryBroker, *specs: JobSpec) -> QueueEntry:
    entry = broker.entry(specs)
    assert entry is not None
    return entry


def test_a_message_is_enqueued_with_the_records_of_its_jobs(
    jobs: TimedRedisJobStore, broker: CeleryBroker, redis: Redis
) -> None:
    specs = [job_spec("prd_a"), job_spec("prd_b")]
    entry = entry_of(broker, *specs)

    accepted = jobs.accept(specs, entry=entry)

    assert [jobs.find(spec.id) is not None for spec in specs] == [True, True]
    assert redis.lrange(entry.key, 0, -1) == [entry.at(accepted[0].created_at)]


def test_a_message_is_as_old_as_the_jobs_that_were_recorded_with_it(
    jobs: TimedRedisJobStore, broker: CeleryBroker
) -> None:
    (accepted,) = jobs.accept([job_spec()], entry=entry_of(broker, job_spec()))

    assert broker.oldest_messages()[Lane.INTERACTIVE] == accepted.created_at


def test_messages_that_are_enqueued_with_records_stand_in_line_with_those_that_are_sent(
    jobs: TimedRedisJobStore, broker: CeleryBroker, redis: Redis
) -> None:
    broker.send([job_spec("prd_a")], enqueued_at=1.0)
    entry = entry_of(broker, job_spec("prd_b"))
    (accepted,) = jobs.accept([job_spec("prd_b")], entry=entry)
    broker.send([job_spec("prd_c")], enqueued_at=3.0)

    redis.rpop(entry.key)

    assert broker.oldest_messages()[Lane.INTERACTIVE] == accepted.created_at


def test_jobs_without_a_message_enqueue_nothing(jobs: TimedRedisJobStore, broker: CeleryBroker) -> None:
    jobs.accept([job_spec()])

    assert broker.oldest_messages() == EMPTY_QUEUES


def test_accepting_again_with_the_message_leaves_the_job_to_whoever_has_it(
    jobs: TimedRedisJobStore, broker: CeleryBroker
) -> None:
    entry = entry_of(broker, job_spec())
    (first,) = jobs.accept([job_spec()], entry=entry)
    jobs.claim(["prd_a"], "t1")

    (second,) = jobs.accept([job_spec()], entry=entry)

    job = jobs.find("prd_a")
    assert job is not None
    assert (second.created_at, job.status, job.attempt) == (first.created_at, JobStatus.RUNNING, 1)
    # The message that is there once more finds the lease taken.
    assert jobs.claim(["prd_a"], "t2") == [Verdict.RUNNING]


def test_a_message_that_was_enqueued_with_its_jobs_is_not_sent_again_while_it_waits(
    jobs: TimedRedisJobStore, broker: CeleryBroker, settings: Settings
) -> None:
    jobs.accept([job_spec()], entry=entry_of(broker, job_spec()))

    assert jobs.sweep(broker.oldest_messages()).resend == []
