"""How a waiting request learns that its job is final, and how many may wait."""

import threading
import time
from contextlib import ExitStack

import pytest
from redis import Redis

from api.waiters import OTHER_JOB_LOOK_SECONDS, OWN_JOB_LOOK_SECONDS, Waiters
from shared.errors import StoreUnavailable
from shared.jobs import JobStatus
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import StoreAway, finish

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0


class CancelledWait(Exception):
    """Raised where the server gives up a waiting request."""


@pytest.fixture
def jobs(settings: Settings) -> FakeJobStore:
    store = FakeJobStore(settings)
    store.accept([job_spec("prd_a")])
    return store


@pytest.fixture
def waiters(jobs: FakeJobStore, redis: Redis, settings: Settings) -> Waiters:
    return Waiters(jobs, redis, settings.model_copy(update={"max_waiters": 2}))


@pytest.fixture
def listening_waiters(waiters: Waiters, redis: Redis) -> Waiters:
    """Waiters whose subscription the server has confirmed."""
    waiters.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not dict(redis.pubsub_numsub(waiters.reply_to))[waiters.reply_to.encode()]:
        assert time.monotonic() < until, "nobody listens"
    return waiters


def seconds_since(start: float) -> float:
    return time.monotonic() - start


def test_a_notification_wakes_the_waiter(listening_waiters: Waiters, redis: Redis) -> None:
    with listening_waiters.place("prd_a") as event:
        redis.publish(listening_waiters.reply_to, "prd_a")

        assert event is not None
        assert event.wait(PATIENCE_SECONDS)


def test_one_notification_may_name_several_jobs(listening_waiters: Waiters, redis: Redis) -> None:
    with listening_waiters.place("prd_a") as first, listening_waiters.place("prd_b") as second:
        redis.publish(listening_waiters.reply_to, "prd_x prd_a prd_b")

        assert first is not None
        assert second is not None
        assert (first.wait(PATIENCE_SECONDS), second.wait(PATIENCE_SECONDS)) == (True, True)


def test_a_waiter_that_is_woken_answers_at_once(listening_waiters: Waiters, jobs: FakeJobStore, redis: Redis) -> None:
    start = time.monotonic()
    with listening_waiters.place("prd_a") as event:
        assert event is not None
        finish(jobs, "prd_a", success())
        redis.publish(listening_waiters.reply_to, "prd_a")

        job = listening_waiters.wait("prd_a", event, seconds=PATIENCE_SECONDS, is_own=True)

    assert job is not None
    assert job.status is JobStatus.SUCCEEDED
    assert seconds_since(start) < OWN_JOB_LOOK_SECONDS


def test_a_notification_wakes_nobody_else(waiters: Waiters) -> None:
    with waiters.place("prd_b") as event:
        waiters.wake(["prd_a"])

        assert event is not None
        assert not event.is_set()


def test_a_notification_that_nobody_waits_for_is_no_error(waiters: Waiters) -> None:
    waiters.wake(["prd_unknown"])


def test_a_notification_wakes_every_request_that_waits_for_the_job(waiters: Waiters) -> None:
    with waiters.place("prd_a") as first, waiters.place("prd_a") as second:
        waiters.wake(["prd_a"])

        assert first is not None
        assert second is not None
        assert (first.is_set(), second.is_set()) == (True, True)


@pytest.mark.parametrize(
    ("is_own", "look_seconds"),
    [
        pytest.param(True, OWN_JOB_LOOK_SECONDS, id="a job of this process"),
        pytest.param(False, OTHER_JOB_LOOK_SECONDS, id="a job of another process"),
    ],
)
def test_a_lost_notification_is_made_good_by_looking(
    waiters: Waiters, jobs: FakeJobStore, look_seconds: float, *, is_own: bool
) -> None:
    start = time.monotonic()
    with waiters.place("prd_a") as event:
        assert event is not None
        finish(jobs, "prd_a", success())

        job = waiters.wait("prd_a", event, seconds=PATIENCE_SECONDS, is_own=is_own)

    assert job is not None
    assert job.status is JobStatus.SUCCEEDED
    assert look_seconds <= seconds_since(start) < PATIENCE_SECONDS / 2


def test_a_waiter_whose_time_is_over_sees_the_job_as_it_stands(waiters: Waiters) -> None:
    with waiters.place("prd_a") as event:
        assert event is not None

        job = waiters.wait("prd_a", event, seconds=0.05, is_own=True)

    assert job is not None
    assert job.status is JobStatus.QUEUED


def test_a_notification_before_the_end_is_no_reason_to_answer(waiters: Waiters) -> None:
    start = time.monotonic()
    with waiters.place("prd_a") as event:
        assert event is not None
        waiters.wake(["prd_a"])

        waiters.wait("prd_a", event, seconds=0.1, is_own=True)

    assert seconds_since(start) >= 0.1


def test_a_job_that_is_gone_is_not_waited_for(waiters: Waiters) -> None:
    job = waiters.wait("prd_gone", threading.Event(), seconds=PATIENCE_SECONDS, is_own=False)

    assert job is None


def test_a_store_that_goes_away_ends_the_wait(redis: Redis, settings: Settings) -> None:
    waiters = Waiters(StoreAway(settings), redis, settings)

    with pytest.raises(StoreUnavailable):
        waiters.wait("prd_a", threading.Event(), seconds=0.05, is_own=True)


def test_places_are_bounded(waiters: Waiters) -> None:
    with waiters.place("prd_a"), waiters.place("prd_b"), waiters.place("prd_c") as third:
        assert third is None


def test_a_place_is_given_back(waiters: Waiters) -> None:
    with waiters.place("prd_a"), waiters.place("prd_b"):
        pass

    with waiters.place("prd_a") as first, waiters.place("prd_b") as second:
        assert None not in (first, second)


def test_a_request_without_a_place_takes_none_from_others(waiters: Waiters) -> None:
    with ExitStack() as others:
        others.enter_context(waiters.place("prd_a"))
        others.enter_context(waiters.place("prd_b"))
        with waiters.place("prd_c"):
            pass

    with waiters.place("prd_a"), waiters.place("prd_b"), waiters.place("prd_c") as third:
        assert third is None


def test_a_waiter_that_is_given_up_gives_its_place_back(waiters: Waiters) -> None:
    with pytest.raises(CancelledWait), waiters.place("prd_a"), waiters.place("prd_b"):
        raise CancelledWait

    with waiters.place("prd_a") as first, waiters.place("prd_b") as second:
        assert None not in (first, second)


def test_a_waiter_that_is_given_up_leaves_nothing_behind(waiters: Waiters) -> None:
    with pytest.raises(CancelledWait), waiters.place("prd_a"):
        raise CancelledWait

    assert waiters._events == {}


def test_a_waiter_that_ends_leaves_the_others_of_its_job_waiting(waiters: Waiters) -> None:
    with waiters.place("prd_a") as stays:
        with waiters.place("prd_a"):
            pass
        waiters.wake(["prd_a"])

        assert stays is not None
        assert stays.is_set()


def test_each_process_listens_on_a_channel_of_its_own(jobs: FakeJobStore, redis: Redis, settings: Settings) -> None:
    assert Waiters(jobs, redis, settings).reply_to != Waiters(jobs, redis, settings).reply_to
