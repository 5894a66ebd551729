"""Files and mended rows count like jobs, in the same bucket; what is refused leaves no record."""

import pytest
from redis import Redis

from shared.batch_jobs import mend_job, split_job
from shared.job_store import RedisJobStore
from shared.job_terms import Earlier
from shared.jobs import Once
from shared.rates import Rate
from shared.settings import Settings
from tests.builders import batch_spec, job_spec, mend
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find

#: One request in ten seconds, and two at once.
ADA = Rate("ada", 0.2)


class Told:
    """What a store tells of buckets."""

    def __init__(self) -> None:
        self.debts: list[float] = []

    def __call__(self, rate: Rate, debt_seconds: float) -> None:
        assert rate == ADA
        self.debts.append(debt_seconds)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def batches(redis: Redis, settings: Settings, told: Told) -> TimedRedisBatchStore:
    return TimedRedisBatchStore(redis, settings, on_debt=told)


def test_a_batch_beyond_the_rate_is_not_accepted(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    accept(batches, "bat_a", rate=ADA)
    accept(batches, "bat_b", rate=ADA)
    spec = batch_spec("bat_c", rate=ADA)

    assert batches.accept(spec, split_job(spec)) is None
    assert (batches.find("bat_c"), jobs.find(split_job(spec).id)) == (None, None)


def test_files_and_predictions_share_a_bucket(batches: TimedRedisBatchStore, jobs: RedisJobStore) -> None:
    accept(batches, "bat_a", rate=ADA)

    accepted = jobs.accept([job_spec("prd_a", rate=ADA), job_spec("prd_b", rate=ADA)])

    assert [one.is_new for one in accepted] == [True, False]


def test_a_batch_whose_answer_was_lost_on_the_way_is_paid_for_once(batches: TimedRedisBatchStore, told: Told) -> None:
    accept(batches, rate=ADA)
    accept(batches, rate=ADA)
    accept(batches, rate=ADA)

    assert told.debts == pytest.approx([5.0] * 3, abs=0.5)


def test_a_batch_that_was_accepted_before_is_told_when_nothing_is_left(batches: TimedRedisBatchStore) -> None:
    once = Once("key-of-ada", "digest")
    accept(batches, "bat_a", rate=ADA, once=once)
    accept(batches, "bat_b", rate=ADA)
    again = batch_spec("bat_c", rate=ADA, once=once)

    assert batches.look_at_rate(ADA, once_key="key-of-ada")
    assert batches.accept(again, split_job(again)) == Earlier("bat_a", is_same=True)


def test_to_look_takes_nothing(batches: TimedRedisBatchStore, told: Told) -> None:
    looks = [batches.look_at_rate(ADA) for _ in range(3)]

    assert (looks, told.debts) == ([True] * 3, [0.0] * 3)


def test_to_look_says_when_nothing_is_left(batches: TimedRedisBatchStore, told: Told) -> None:
    accept(batches, "bat_a", rate=ADA)
    accept(batches, "bat_b", rate=ADA)

    assert not batches.look_at_rate(ADA)
    assert told.debts[-1] == pytest.approx(10.0, abs=0.5)


def test_mended_rows_count(batches: TimedRedisBatchStore) -> None:
    spec = accept(batches, rate=ADA)
    complete(batches)
    accept(batches, "bat_b", rate=ADA)

    verdict = batches.accept_mend(spec, 1, mend(), mend_job(spec, 1), rate=ADA)

    assert (verdict, find(batches).mends) == ("spent", 0)


def test_mended_rows_within_the_rate_are_accepted_and_paid_for_once(batches: TimedRedisBatchStore, told: Told) -> None:
    spec = accept(batches)
    complete(batches)

    verdicts = [batches.accept_mend(spec, 1, mend(), mend_job(spec, 1), rate=ADA) for _ in range(2)]

    assert verdicts == ["ok", "ok"]
    assert told.debts == pytest.approx([5.0], abs=0.5)


def test_a_rate_is_no_part_of_the_record(batches: TimedRedisBatchStore) -> None:
    accept(batches, rate=ADA)

    assert find(batches).spec.rate is None
