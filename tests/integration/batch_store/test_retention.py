"""What the batch store promises of old batches: they are kept for a time, then nothing is left."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from redis import Redis

from shared.batch_jobs import mend_job, split_job
from shared.batches import BatchStatus
from shared.job_store import RedisJobStore
from shared.quarantine import RedisQuarantine
from shared.settings import Settings
from tests.builders import batch_spec, chunk, mend, part
from tests.fakes import TimedRedisBatchStore
from tests.integration.batch_store.conftest import accept, complete, find


def test_a_batch_past_its_retention_is_named_until_it_is_forgotten(batches: TimedRedisBatchStore) -> None:
    accept(batches)
    complete(batches)
    batches.let_time_pass(86_401)

    first, second = batches.sweep(), batches.sweep()
    batches.forget("bat_a")

    assert (first, second, batches.sweep()) == (["bat_a"], ["bat_a"], [])


@pytest.mark.parametrize("seconds", [pytest.param(0, id="just ended"), pytest.param(86_300, id="nearly past")])
def test_a_batch_within_its_retention_is_kept(batches: TimedRedisBatchStore, seconds: int) -> None:
    accept(batches)
    complete(batches)
    batches.let_time_pass(seconds)

    assert batches.sweep() == []


def test_a_batch_that_is_not_final_is_kept_however_old(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=1e9)
    batches.let_time_pass(1e8)

    assert batches.sweep() == []
    assert find(batches).status is BatchStatus.QUEUED


def test_an_expired_batch_goes_after_its_retention(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.let_time_pass(91)
    batches.sweep()
    batches.let_time_pass(86_401)

    assert batches.sweep() == ["bat_a"]


def test_nothing_of_a_forgotten_batch_is_left(
    batches: TimedRedisBatchStore, settings: Settings, keys: Callable[[], set[bytes]]
) -> None:
    accept(batches, "bat_b")
    batches.note_chunks("bat_b", [chunk()], rows_total=None)
    unrelated = keys()
    accept(batches, "bat_a")
    complete(batches, "bat_a")

    batches.forget("bat_a")

    # The first step is a job, which the job store deletes; that a batch ended stays counted.
    left = {f"{settings.key_root}{name}".encode() for name in ("job:bat_a.split", "batches_ended")}
    assert keys() == unrelated | left


def test_a_forgotten_batch_does_not_come_back(batches: TimedRedisBatchStore, keys: Callable[[], set[bytes]]) -> None:
    accept(batches)
    complete(batches)
    batches.forget("bat_a")
    before = keys()

    batches.record_part("bat_a", 0, part("t2"))
    batches.note_chunks("bat_a", [chunk()], rows_total=10)
    batches.sweep()

    assert keys() == before
    assert batches.find("bat_a") is None


def test_a_batch_forgotten_before_it_ended_leaves_no_deadline(batches: TimedRedisBatchStore) -> None:
    accept(batches, deadline_seconds=90.0)
    batches.forget("bat_a")
    batches.let_time_pass(91)

    batches.sweep()

    assert batches.find("bat_a") is None


@pytest.mark.parametrize("wanted", [pytest.param(60, id="a minute"), pytest.param(0, id="nothing")])
def test_a_batch_goes_as_soon_as_its_client_wants(batches: TimedRedisBatchStore, wanted: int) -> None:
    accept(batches, retain_seconds=wanted)
    complete(batches)
    batch = find(batches)
    batches.let_time_pass(max(wanted - 1, 0))
    before = batches.sweep()

    # Of nothing that is kept those who wait are still told the end.
    batches.let_time_pass(6)

    assert batch.expires_at == pytest.approx((batch.completed_at or 0) + wanted)
    assert (before, batches.sweep()) == ([], ["bat_a"])


def test_no_batch_is_kept_for_longer_than_the_others(batches: TimedRedisBatchStore) -> None:
    accept(batches, retain_seconds=90_000)
    complete(batches)
    batches.let_time_pass(86_401)

    assert batches.sweep() == ["bat_a"]


def test_a_batch_that_is_to_go_soon_is_kept_while_it_is_not_final(batches: TimedRedisBatchStore) -> None:
    accept(batches, retain_seconds=0)
    batches.let_time_pass(3_600)

    assert batches.sweep() == []
    assert find(batches).status is BatchStatus.QUEUED


@pytest.mark.parametrize("seconds", [pytest.param(59, id="kept"), pytest.param(61, id="past its retention")])
def test_a_batch_is_listed_for_as_long_as_it_is_kept(batches: TimedRedisBatchStore, seconds: int) -> None:
    accept(batches, retain_seconds=60)
    complete(batches)
    batches.let_time_pass(seconds)

    assert bool(batches.page("", limit=10).batches) == (seconds < 60)


def test_rows_of_a_batch_past_its_retention_are_not_mended(batches: TimedRedisBatchStore) -> None:
    spec = accept(batches, retain_seconds=60)
    complete(batches)
    batches.let_time_pass(61)

    verdict = batches.accept_mend(spec, 1, mend(), mend_job(spec, 1))

    assert verdict == "unknown"
    assert batches.sweep() == ["bat_a"]


def test_a_batch_whose_rows_are_mended_is_kept_for_as_long_again(batches: TimedRedisBatchStore) -> None:
    spec = accept(batches, retain_seconds=60)
    complete(batches)
    batches.let_time_pass(50)
    batches.accept_mend(spec, 1, mend(), mend_job(spec, 1))
    batches.complete_mend("bat_a")
    batches.let_time_pass(50)

    assert batches.sweep() == []
    batches.let_time_pass(11)
    assert batches.sweep() == ["bat_a"]


def test_a_step_of_a_batch_that_is_to_go_soon_is_not_set_aside(
    batches: TimedRedisBatchStore, redis: Redis, settings: Settings
) -> None:
    spec = batch_spec(retain_seconds=60)
    step = replace(split_job(spec), max_attempts=1)
    batches.accept(spec, step)
    jobs = RedisJobStore(redis, settings.model_copy(update={"lease_seconds": 1e-6}))
    jobs.claim([step.id], "t1")

    jobs.sweep({})
    batches.let_time_pass(61)

    assert RedisQuarantine(redis, settings).page(limit=10).jobs == []
    assert batches.sweep() == ["bat_a"]


def test_what_a_client_wrote_on_its_batch_is_kept_with_it(batches: TimedRedisBatchStore) -> None:
    metadata = {"größe": '","model":{"name":"other",', "": "☃"}
    accept(batches, metadata=metadata, retain_seconds=60)

    (listed,) = batches.page("", limit=10, model="gender").batches

    assert (find(batches).spec.metadata, listed.spec.metadata, listed.spec.retain_seconds) == (metadata, metadata, 60)
    assert batches.page("", limit=10, model="other").batches == []
