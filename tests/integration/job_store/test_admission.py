"""No job is accepted that would wait too long; whoever is refused learns when to come back, and finds room then."""

from typing import Any

import pytest
from redis import Redis

from shared.job_store import Accepted
from shared.job_terms import Earlier, RetryVerdict
from shared.jobs import JobSpec, JobStatus, Once
from shared.queues import Lane
from shared.redis_messages import QueueEntry
from shared.settings import Settings
from tests.builders import failure, job_spec, success
from tests.timed_stores import TimedRedisJobStore

#: One worker takes a second for a job; a new job may take 10 of the 20 seconds, and one that was told to come 12.
LIMIT_SECONDS = 20.0
ROOM = 10
ROOM_FOR_TOLD = 12
#: Jobs up to which an owner is let in that has had more than its share.
SHARED = 5


@pytest.fixture
def jobs(settings: Settings, redis: Redis) -> TimedRedisJobStore:
    """A store that knows how fast a worker is, and has no job."""
    limited = settings.model_copy(update={"max_queue_seconds": LIMIT_SECONDS})
    store = TimedRedisJobStore(redis, limited)
    store.accept([job_spec("prd_before")])
    work_off(store, "prd_before")
    return store


def work_off(store: TimedRedisJobStore, *job_ids: str) -> None:
    """Do what a worker does for a second with each job."""
    store.claim(job_ids, "t1")
    outcomes = dict.fromkeys(job_ids, success())
    store.finish(Lane.INTERACTIVE, outcomes, "t1", busy_seconds=1.0 * len(job_ids))


def spec(name: str, **overrides: Any) -> JobSpec:
    """Return a job that is like no other."""
    return job_spec(f"prd_{name}", **{"rows": [[float(int.from_bytes(name.encode())), 44.0]], **overrides})


def several(name: str, count: int, **overrides: Any) -> list[JobSpec]:
    return [spec(f"{name}{number}", **overrides) for number in range(count)]


def new(accepted: list[Accepted]) -> int:
    return sum(one.is_new for one in accepted)


def test_jobs_are_accepted_while_they_need_not_wait_too_long(jobs: TimedRedisJobStore) -> None:
    accepted = jobs.accept(several("a", ROOM))

    assert new(accepted) == ROOM


def test_of_jobs_that_come_together_those_that_would_wait_too_long_are_refused(jobs: TimedRedisJobStore) -> None:
    accepted = jobs.accept(several("a", ROOM + 2))

    assert [one.is_new for one in accepted] == [True] * ROOM + [False] * 2
    assert jobs.find(f"prd_a{ROOM}") is None


def test_those_who_are_refused_are_told_to_come_one_after_the_other(jobs: TimedRedisJobStore) -> None:
    jobs.accept(several("a", ROOM))

    told = [one.retry_after_seconds for one in jobs.accept(several("b", 3))]

    # One second for each who stands before it, one for its own job, and a tenth more; and the one that is too much.
    assert told == pytest.approx([2.1, 3.2, 4.3])


def test_who_comes_when_it_was_told_to_finds_room_though_others_came_first(jobs: TimedRedisJobStore) -> None:
    jobs.accept(several("a", ROOM))
    jobs.accept([spec("told")])
    work_off(jobs, "prd_a0")
    jobs.let_time_pass(2.0)

    (first,) = jobs.accept([spec("newcomer")])
    (second,) = jobs.accept([spec("told")])

    assert (first.is_new, second.is_new) == (False, True)


def test_who_comes_back_finds_room_though_the_workers_got_slower(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), *several("told", 5)])
    jobs.let_time_pass(6.6)

    accepted = jobs.accept(several("told", 5))

    assert new(accepted) == ROOM_FOR_TOLD - ROOM


def test_where_there_is_not_room_for_all_who_come_back_the_first_in_the_line_have_it(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), *several("told", 5)])
    jobs.let_time_pass(6.6)

    last_first = jobs.accept(several("told", 5)[::-1])

    assert [one.is_new for one in last_first] == [False, False, False, True, True]


def test_who_finds_no_room_when_it_comes_back_keeps_its_place_in_the_line(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), *several("told", 6)])
    jobs.let_time_pass(6.6)
    jobs.accept(several("told", 5))
    work_off(jobs, "prd_a0")
    jobs.let_time_pass(1.0)

    # Called for the first time, but promised room later than the third.
    (sixth,) = jobs.accept([spec("told5")])
    (third,) = jobs.accept([spec("told2")])

    assert (sixth.is_new, third.is_new) == (False, True)


def test_a_turn_belongs_to_the_idempotency_key_where_there_is_one(jobs: TimedRedisJobStore) -> None:
    once = Once("k1", "d1")
    jobs.accept(several("a", ROOM))
    jobs.accept([spec("told", once=once)])
    work_off(jobs, "prd_a0")
    jobs.let_time_pass(2.0)

    (again,) = jobs.accept([spec("other-id-and-rows", once=once)])

    assert again.is_new


def test_who_comes_too_early_is_told_the_rest_of_its_time(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), *several("b", 4)])
    jobs.let_time_pass(1.0)

    (early,) = jobs.accept([spec("b3")])

    assert early.retry_after_seconds is not None
    # The time that the test itself takes passes too.
    assert 3.0 < early.retry_after_seconds <= 4.4


def test_who_does_not_come_keeps_no_place(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), spec("told")])
    work_off(jobs, "prd_a0")
    jobs.let_time_pass(8.0)

    (newcomer,) = jobs.accept([spec("newcomer")])

    assert newcomer.is_new


def test_however_many_were_told_to_come_there_is_room_in_a_queue_that_is_nearly_empty(jobs: TimedRedisJobStore) -> None:
    jobs.accept([*several("a", ROOM), *several("told", 20)])
    work_off(jobs, *(f"prd_a{number}" for number in range(ROOM - 1)))

    (newcomer,) = jobs.accept([spec("newcomer")])

    assert newcomer.is_new


def test_a_job_that_was_accepted_is_answered_again_however_long_the_queue_is(jobs: TimedRedisJobStore) -> None:
    once = Once("k1", "d1")
    jobs.accept([spec("first", once=once), *several("a", ROOM)])

    (again,) = jobs.accept([spec("second", once=once)])

    assert again.earlier == Earlier("prd_first", is_same=True)
    assert again.retry_after_seconds is None


def test_accepting_again_after_a_lost_answer_refuses_nothing(jobs: TimedRedisJobStore) -> None:
    first = jobs.accept(several("a", ROOM))

    second = jobs.accept(several("a", ROOM))

    assert (new(first), new(second)) == (ROOM, ROOM)


def test_a_job_is_refused_that_its_own_deadline_would_end_in_the_queue(jobs: TimedRedisJobStore) -> None:
    jobs.accept(several("a", 4))

    (hurried,), (patient,) = (jobs.accept([spec("b", deadline_seconds=3.0)]), jobs.accept([spec("c")]))

    assert hurried.retry_after_seconds == pytest.approx(5 - 0.5 * 3 + 1.1)
    assert patient.is_new


def fail(store: TimedRedisJobStore, job_id: str) -> None:
    store.claim([job_id], "t1")
    store.finish(Lane.INTERACTIVE, {job_id: failure()}, "t1", busy_seconds=1.0)


def test_a_failed_job_is_not_tried_again_while_it_would_wait_too_long(jobs: TimedRedisJobStore) -> None:
    jobs.accept([spec("failed")])
    fail(jobs, "prd_failed")
    jobs.accept(several("a", ROOM))

    verdict, seconds = jobs.retry(spec("failed"), "r1")

    job = jobs.find("prd_failed")
    assert verdict is RetryVerdict.FULL
    assert seconds == pytest.approx(2.1, abs=0.2)
    assert job is not None
    assert (job.status, job.outcome) == (JobStatus.FAILED, failure())


def test_a_retry_that_comes_when_it_was_told_to_finds_room(jobs: TimedRedisJobStore) -> None:
    jobs.accept([spec("failed")])
    fail(jobs, "prd_failed")
    jobs.accept(several("a", ROOM))
    _, seconds = jobs.retry(spec("failed"), "r1")
    jobs.let_time_pass(seconds)

    (newcomer,) = jobs.accept([spec("newcomer")])
    verdict, _ = jobs.retry(spec("failed"), "r2")

    assert (newcomer.is_new, verdict) == (False, RetryVerdict.QUEUED)


@pytest.mark.parametrize("once", [None, Once("k1", "d1")], ids=["no terms", "an idempotency key"])
def test_a_job_is_refused_whose_client_would_not_wait_for_it(jobs: TimedRedisJobStore, once: Once | None) -> None:
    jobs.accept(several("a", 4))

    (hurried,) = jobs.accept([spec("b", patience_seconds=3.0, once=once)])
    (patient,) = jobs.accept([spec("c", patience_seconds=13.0, once=once)])

    assert (hurried.is_new, patient.is_new) == (False, True)


def test_what_is_refused_leaves_no_message(jobs: TimedRedisJobStore, redis: Redis) -> None:
    jobs.accept(several("a", ROOM))

    jobs.accept(several("b", 2), entry=QueueEntry("queue-for-a-test", b"", b""))

    assert redis.exists("queue-for-a-test") == 0


def test_a_message_leaves_with_what_was_accepted_of_it(jobs: TimedRedisJobStore, redis: Redis) -> None:
    jobs.accept(several("a", ROOM + 2), entry=QueueEntry("queue-for-a-test", b"", b""))

    assert redis.llen("queue-for-a-test") == 1


def test_twice_as_many_workers_take_twice_as_many_jobs(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings
) -> None:
    redis.zadd(f"{settings.key_root}workers:interactive", {"w1": 4e9, "w2": 4e9})

    assert new(jobs.accept(several("a", 3 * ROOM))) == 2 * ROOM


def test_nothing_is_refused_before_a_worker_has_shown_its_speed(settings: Settings, redis: Redis) -> None:
    fresh = TimedRedisJobStore(redis, settings.model_copy(update={"max_queue_seconds": 0.001}))

    assert new(fresh.accept(several("a", 100))) == 100


def test_the_chunks_of_a_file_are_never_refused(jobs: TimedRedisJobStore) -> None:
    jobs.accept([job_spec("prd_chunk", lane=Lane.BULK)])
    jobs.claim(["prd_chunk"], "t1")
    jobs.finish(Lane.BULK, {"prd_chunk": success()}, "t1", busy_seconds=1.0)

    assert new(jobs.accept(several("a", 3 * ROOM, lane=Lane.BULK))) == 3 * ROOM


def test_nothing_is_refused_where_no_limit_is_set(jobs: TimedRedisJobStore, settings: Settings, redis: Redis) -> None:
    unlimited = TimedRedisJobStore(redis, settings.model_copy(update={"max_queue_seconds": 0.0}))

    assert new(unlimited.accept(several("a", 100))) == 100


def test_a_flood_of_one_owner_leaves_room_for_another(jobs: TimedRedisJobStore) -> None:
    jobs.accept(several("flood", 3 * ROOM, owner="a"))
    work_off(jobs, *(f"prd_flood{number}" for number in range(ROOM - SHARED)))
    jobs.accept([spec("first", owner="b")])

    flood = jobs.accept(several("more", ROOM, owner="a"))
    others = jobs.accept(several("other", 2, owner="b"))

    assert (new(flood), new(others)) == (0, 2)


def test_two_owners_who_ask_alike_get_alike(jobs: TimedRedisJobStore) -> None:
    asked = [one for pair in zip(several("a", 20, owner="a"), several("b", 20, owner="b"), strict=True) for one in pair]

    accepted = jobs.accept(asked)

    assert (new(accepted[::2]), new(accepted[1::2])) == (ROOM / 2, ROOM / 2)
