"""A key is accepted no more of than its rate allows, whatever store of whatever API process it reaches."""

from typing import Any

import pytest
from redis import Redis

from shared.job_store import Accepted, JobStore
from shared.job_terms import Earlier, RetryVerdict
from shared.jobs import JobSpec, Once
from shared.rates import Rate
from shared.settings import Settings
from tests.builders import failure, job_spec
from tests.integration.job_store.conftest import TimedJobStore, finish
from tests.timed_stores import TimedRedisJobStore

#: One request in ten seconds, and three at once: slow enough that a test takes no time.
ADA = Rate("ada", 0.3)
BOB = Rate("bob", 0.3)
EACH_SECONDS = 1 / 0.3


def several(count: int, *, rate: Rate | None = ADA, name: str = "a", **overrides: Any) -> list[JobSpec]:
    return [job_spec(f"prd_{name}{number}", rate=rate, **overrides) for number in range(count)]


def is_accepted(accepted: list[Accepted]) -> list[bool]:
    return [one.is_new for one in accepted]


def test_what_comes_together_is_accepted_as_far_as_the_rate_allows(jobs: TimedJobStore) -> None:
    accepted = jobs.accept(several(5))

    assert is_accepted(accepted) == [True, True, True, False, False]


def test_what_is_refused_is_told_when_there_is_a_request_again(jobs: TimedJobStore) -> None:
    *_, refused = jobs.accept(several(4))

    assert refused.is_spent
    assert refused.retry_after_seconds == pytest.approx(EACH_SECONDS, abs=0.1)


def test_of_what_is_refused_there_is_no_record(jobs: TimedJobStore) -> None:
    jobs.accept(several(4))

    assert [jobs.find(f"prd_a{number}") is None for number in range(4)] == [False, False, False, True]


def test_who_comes_back_then_is_accepted(jobs: TimedJobStore) -> None:
    *_, refused = jobs.accept(several(4))
    assert refused.retry_after_seconds is not None
    jobs.let_time_pass(refused.retry_after_seconds)

    assert is_accepted(jobs.accept(several(2, name="b"))) == [True, False]


def test_who_comes_too_early_is_not(jobs: TimedJobStore) -> None:
    jobs.accept(several(3))
    jobs.let_time_pass(EACH_SECONDS - 0.5)

    (refused,) = jobs.accept(several(1, name="b"))

    assert refused.retry_after_seconds == pytest.approx(0.5, abs=0.1)


def test_a_refusal_costs_nothing(jobs: TimedJobStore) -> None:
    jobs.accept(several(9))
    jobs.let_time_pass(EACH_SECONDS)

    assert is_accepted(jobs.accept(several(1, name="b"))) == [True]


def test_a_pause_brings_no_more_than_the_burst(jobs: TimedJobStore) -> None:
    jobs.accept(several(3))
    jobs.let_time_pass(3600.0)

    assert is_accepted(jobs.accept(several(4, name="b"))) == [True, True, True, False]


def test_one_key_spends_nothing_of_another_in_the_same_group(jobs: TimedJobStore) -> None:
    accepted = jobs.accept([*several(4), *several(2, rate=BOB, name="b"), *several(9, rate=None, name="c")])

    assert is_accepted(accepted) == [True, True, True, False, True, True, *[True] * 9]


def test_a_job_with_terms_of_its_own_counts_as_well(jobs: TimedJobStore) -> None:
    jobs.accept(several(2))

    accepted = jobs.accept(several(2, name="b", retain_seconds=60, once=None))

    assert is_accepted(accepted) == [True, False]


def test_what_was_accepted_before_is_told_and_costs_nothing(jobs: TimedJobStore) -> None:
    once = Once("key-of-ada", "digest")
    jobs.accept([job_spec("prd_first", rate=ADA, once=once), *several(1)])

    replayed = jobs.accept([job_spec(f"prd_again{number}", rate=ADA, once=once) for number in range(9)])

    assert [one.earlier for one in replayed] == [Earlier("prd_first", is_same=True)] * 9
    assert is_accepted(jobs.accept(several(2, name="b"))) == [True, False]


def test_what_was_accepted_before_is_told_when_nothing_is_left(jobs: TimedJobStore) -> None:
    once = Once("key-of-ada", "digest")
    jobs.accept([job_spec("prd_first", rate=ADA, once=once), *several(2)])

    (replayed,) = jobs.accept([job_spec("prd_again", rate=ADA, once=once)])

    assert replayed.earlier == Earlier("prd_first", is_same=True)


def test_an_idempotency_key_that_was_refused_stands_for_nothing(jobs: TimedJobStore) -> None:
    once = Once("key-of-ada", "digest")
    jobs.accept(several(3))
    jobs.accept([job_spec("prd_first", rate=ADA, once=once)])
    jobs.let_time_pass(EACH_SECONDS)

    (accepted,) = jobs.accept([job_spec("prd_again", rate=ADA, once=once)])

    assert accepted.is_new


def test_a_job_whose_answer_was_lost_on_the_way_is_paid_for_once(jobs: TimedJobStore) -> None:
    jobs.accept(several(3))

    again = jobs.accept(several(3))

    assert is_accepted(again) == [True, True, True]


def test_to_try_again_counts(jobs: TimedJobStore) -> None:
    fail(jobs, several(2))

    first = jobs.retry(job_spec("prd_a0"), "r1", rate=ADA)[0]
    second = jobs.retry(job_spec("prd_a1"), "r2", rate=ADA)[0]

    assert (first, second) == (RetryVerdict.QUEUED, RetryVerdict.SPENT)


def test_what_must_not_try_again_for_its_rate_stays_as_it_is(jobs: TimedJobStore) -> None:
    fail(jobs, several(1))
    jobs.accept(several(2, name="b"))

    jobs.retry(job_spec("prd_a0"), "r1", rate=ADA)

    job = jobs.find("prd_a0")
    assert job is not None
    assert (job.status, job.retries) == ("failed", 0)


def fail(jobs: JobStore, specs: list[JobSpec]) -> None:
    jobs.accept(specs)
    for spec in specs:
        finish(jobs, failure(), spec.id)


class TwoProcesses:
    """The stores of two API processes, and what each was told of buckets."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.told: list[tuple[Rate, float]] = []
        self.first = TimedRedisJobStore(redis, settings, on_debt=self.note)
        self.second = TimedRedisJobStore(redis, settings, on_debt=self.note)

    def note(self, rate: Rate, debt_seconds: float) -> None:
        self.told.append((rate, debt_seconds))


@pytest.fixture
def processes(redis: Redis, settings: Settings) -> TwoProcesses:
    return TwoProcesses(redis, settings)


def test_two_processes_accept_no_more_than_one(processes: TwoProcesses) -> None:
    accepted = [
        *processes.first.accept(several(2)),
        *processes.second.accept(several(2, name="b")),
        *processes.first.accept(several(1, name="c")),
    ]

    assert is_accepted(accepted) == [True, True, True, False, False]


def test_a_process_is_told_what_the_other_one_took(processes: TwoProcesses) -> None:
    processes.first.accept(several(2))
    processes.second.accept(several(1, name="b"))

    assert [rate for rate, _ in processes.told] == [ADA, ADA]
    assert [debt for _, debt in processes.told] == pytest.approx([2 * EACH_SECONDS, 3 * EACH_SECONDS], abs=0.5)


def test_nobody_is_told_anything_where_there_is_no_limit(processes: TwoProcesses) -> None:
    processes.first.accept(several(2, rate=None))

    assert processes.told == []


def test_a_bucket_that_is_full_takes_no_room_in_the_store(
    processes: TwoProcesses, redis: Redis, settings: Settings
) -> None:
    processes.first.accept(several(1))

    assert 1 <= int(redis.ttl(f"{settings.key_root}rate:ada")) <= 4


def test_a_clock_that_ran_ahead_locks_nobody_out(processes: TwoProcesses, redis: Redis, settings: Settings) -> None:
    redis.set(f"{settings.key_root}rate:ada", "9999999999.000000")

    (refused,) = processes.first.accept(several(1))

    assert refused.retry_after_seconds == pytest.approx(EACH_SECONDS, abs=0.1)
