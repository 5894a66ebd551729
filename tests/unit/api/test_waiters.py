"""How a waiting request learns that its job is final, and how many may wait."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import orjson
import pytest
from redis import Redis

from api.waiters import LOOK_JOBS, Waiter, Waiters
from shared.errors import StoreUnavailable
from shared.job_records import JobEnd, decode_ends, encode_outcome
from shared.settings import Settings
from tests.builders import job_spec, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import EndingWaiters, StoreAway, finish

#: A test that waits for so long has failed; one that passes never does.
PATIENCE_SECONDS = 10.0


class CancelledWait(Exception):
    """Raised where the server gives up a waiting request."""


class WatchedJobStore(FakeJobStore):
    """Remembers how many jobs it was asked about at once; is away for the first looks."""

    def __init__(self, settings: Settings, *, looks_away: int = 0) -> None:
        super().__init__(settings)
        self.asked: list[int] = []
        self._looks_away = looks_away

    def ended(self, job_ids: Sequence[str]) -> list[str]:
        self.asked.append(len(job_ids))
        if len(self.asked) <= self._looks_away:
            raise StoreUnavailable
        return super().ended(job_ids)


@pytest.fixture
def jobs(settings: Settings) -> FakeJobStore:
    store = FakeJobStore(settings)
    store.accept([job_spec("prd_a")])
    return store


@pytest.fixture
def waiters(jobs: FakeJobStore, redis: Redis, settings: Settings) -> EndingWaiters:
    return EndingWaiters(jobs, redis, settings.model_copy(update={"max_waiters": 3}))


@contextmanager
def listening(waiters: EndingWaiters, redis: Redis) -> Iterator[EndingWaiters]:
    """Let the waiters listen and look; the server has confirmed their subscription."""
    waiters.start()
    until = time.monotonic() + PATIENCE_SECONDS
    while not dict(redis.pubsub_numsub(waiters.reply_to))[waiters.reply_to.encode()]:
        assert time.monotonic() < until, "nobody listens"
    try:
        yield waiters
    finally:
        waiters.end()


@pytest.fixture
def listening_waiters(waiters: EndingWaiters, redis: Redis) -> Iterator[EndingWaiters]:
    with listening(waiters, redis):
        yield waiters


def notification(*job_ids: str) -> bytes:
    """What the store publishes when these jobs have succeeded together."""
    outcome = orjson.loads(encode_outcome(success()))
    return orjson.dumps([[job_id, "succeeded", 1, 1.0, 2.0, 3.0, 4.0, False, outcome] for job_id in job_ids])


def end_of(job_id: str) -> JobEnd:
    end = decode_ends(notification(job_id))[job_id]
    assert end is not None
    return end


def taken(place: AbstractContextManager[Waiter | None], until: ExitStack) -> Waiter:
    """Return the waiter of a place that is kept until the end of the stack."""
    waiter = until.enter_context(place)
    assert waiter is not None
    return waiter


def test_a_notification_brings_the_end_to_the_request_that_made_the_job(
    listening_waiters: Waiters, redis: Redis
) -> None:
    with listening_waiters.maker_place("prd_a") as maker:
        redis.publish(listening_waiters.reply_to, notification("prd_a"))

        assert maker is not None
        assert maker.ended.wait(PATIENCE_SECONDS)
        assert maker.end == end_of("prd_a")


def test_one_notification_may_tell_of_several_jobs(listening_waiters: Waiters, redis: Redis) -> None:
    with ExitStack() as places:
        first = taken(listening_waiters.maker_place("prd_a"), places)
        second = taken(listening_waiters.reader_place("prd_b", is_told=True), places)
        redis.publish(listening_waiters.reply_to, notification("prd_x", "prd_a", "prd_b"))

        assert (first.ended.wait(PATIENCE_SECONDS), second.ended.wait(PATIENCE_SECONDS)) == (True, True)
        assert (first.end, second.end) == (end_of("prd_a"), end_of("prd_b"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"prd_a prd_b", id="no JSON"),
        pytest.param(b"5", id="no array"),
        pytest.param(b'[["prd_a", "succeeded"]]', id="too short"),
        pytest.param(b'[["prd_a", "vanished", 1, 1.0, 2.0, 3.0, 4.0, false, {}]]', id="an unknown status"),
        pytest.param(b'[["prd_a", "failed", 1, 1.0, 2.0, 3.0, 4.0, false, {}]]', id="an unknown outcome"),
    ],
)
def test_a_notification_of_another_release_does_not_end_the_listening(
    listening_waiters: Waiters, redis: Redis, text: bytes
) -> None:
    with ExitStack() as places:
        maker = taken(listening_waiters.maker_place("prd_a"), places)
        redis.publish(listening_waiters.reply_to, text)
        redis.publish(listening_waiters.reply_to, notification("prd_a"))

        assert maker.ended.wait(PATIENCE_SECONDS)
        assert maker.end == end_of("prd_a")


def tell_until_heard(waiters: Waiters, redis: Redis, maker: Waiter) -> None:
    """Publish again and again: a notification is not kept for who does not listen."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not maker.ended.wait(0.02):
        assert time.monotonic() < until, "nobody listens"
        redis.publish(waiters.reply_to, notification("prd_a"))


def test_listening_survives_a_lost_connection(listening_waiters: Waiters, redis: Redis) -> None:
    with ExitStack() as places:
        maker = taken(listening_waiters.maker_place("prd_a"), places)
        redis.client_kill_filter(_type="pubsub")

        tell_until_heard(listening_waiters, redis, maker)

        assert maker.end == end_of("prd_a")


def test_a_request_is_woken_without_the_end_when_it_is_too_large_to_be_told(waiters: Waiters) -> None:
    with ExitStack() as places:
        maker = taken(waiters.maker_place("prd_a"), places)
        waiters.tell({"prd_a": None})

        assert (maker.ended.wait(0), maker.end) == (True, None)


def test_a_notification_wakes_nobody_else(waiters: Waiters) -> None:
    with ExitStack() as places:
        maker = taken(waiters.maker_place("prd_b"), places)
        reader = taken(waiters.reader_place("prd_c", is_told=True), places)
        waiters.tell({"prd_a": end_of("prd_a")})

        assert (maker.ended.wait(0), reader.ended.wait(0)) == (False, False)


def test_a_notification_that_nobody_waits_for_is_no_error(waiters: Waiters) -> None:
    waiters.tell({"prd_unknown": end_of("prd_unknown")})


def test_a_notification_wakes_every_request_that_waits_for_the_job(waiters: Waiters) -> None:
    with ExitStack() as places:
        maker = taken(waiters.maker_place("prd_a"), places)
        readers = [taken(waiters.reader_place("prd_a", is_told=told), places) for told in (True, False)]
        waiters.tell({"prd_a": end_of("prd_a")})

        assert [waiter.end for waiter in (maker, *readers)] == [end_of("prd_a")] * 3
        assert [waiter.ended.wait(0) for waiter in (maker, *readers)] == [True] * 3


@pytest.mark.parametrize(
    ("take_place", "is_thorough", "is_woken"),
    [
        pytest.param(lambda w: w.maker_place("prd_a"), True, True, id="maker, thorough"),
        pytest.param(lambda w: w.maker_place("prd_a"), False, False, id="maker, not thorough"),
        pytest.param(lambda w: w.reader_place("prd_a", is_told=True), True, True, id="told reader, thorough"),
        pytest.param(lambda w: w.reader_place("prd_a", is_told=True), False, False, id="told reader, not thorough"),
        pytest.param(lambda w: w.reader_place("prd_a", is_told=False), True, True, id="other reader, thorough"),
        pytest.param(lambda w: w.reader_place("prd_a", is_told=False), False, True, id="other reader, not thorough"),
    ],
)
def test_a_look_wakes_the_requests_that_nobody_told(
    waiters: Waiters,
    jobs: FakeJobStore,
    take_place: Callable[[Waiters], AbstractContextManager[Waiter | None]],
    *,
    is_thorough: bool,
    is_woken: bool,
) -> None:
    with ExitStack() as places:
        waiter = taken(take_place(waiters), places)
        finish(jobs, "prd_a", success())

        waiters.look(is_thorough=is_thorough)

        # Nothing was told, so the request looks the end up.
        assert (waiter.ended.wait(0), waiter.end) == (is_woken, None)


def test_a_look_leaves_requests_waiting_whose_jobs_are_open_or_not_accepted_yet(waiters: Waiters) -> None:
    with ExitStack() as places:
        open_one = taken(waiters.maker_place("prd_a"), places)
        coming_one = taken(waiters.maker_place("prd_coming"), places)

        waiters.look(is_thorough=True)

        assert (open_one.ended.wait(0), coming_one.ended.wait(0)) == (False, False)


def test_a_look_asks_about_a_limited_number_of_jobs_at_once(redis: Redis, settings: Settings) -> None:
    store = WatchedJobStore(settings)
    waiters = Waiters(store, redis, settings.model_copy(update={"max_waiters": LOOK_JOBS + 1}))
    with ExitStack() as places:
        for number in range(LOOK_JOBS + 1):
            places.enter_context(waiters.maker_place(f"prd_{number}"))

        waiters.look(is_thorough=True)

    assert store.asked == [LOOK_JOBS, 1]


def test_nobody_is_asked_about_jobs_that_nobody_waits_for(redis: Redis, settings: Settings) -> None:
    store = WatchedJobStore(settings)

    Waiters(store, redis, settings).look(is_thorough=True)

    assert store.asked == []


@pytest.mark.parametrize("looks_away", [0, 1], ids=["the store answers", "the store was away"])
def test_a_lost_notification_is_made_good_by_looking(redis: Redis, settings: Settings, looks_away: int) -> None:
    store = WatchedJobStore(settings, looks_away=looks_away)
    store.accept([job_spec("prd_a"), job_spec("prd_b")])
    with listening(EndingWaiters(store, redis, settings), redis) as waiters, ExitStack() as places:
        maker = taken(waiters.maker_place("prd_a"), places)
        reader = taken(waiters.reader_place("prd_b", is_told=False), places)
        finish(store, "prd_a", success())
        finish(store, "prd_b", success())

        assert (maker.ended.wait(PATIENCE_SECONDS), reader.ended.wait(PATIENCE_SECONDS)) == (True, True)


def test_a_look_says_when_the_store_does_not_answer(redis: Redis, settings: Settings) -> None:
    waiters = Waiters(StoreAway(settings), redis, settings)

    with waiters.maker_place("prd_a"), pytest.raises(StoreUnavailable):
        waiters.look(is_thorough=True)


def test_every_end_is_passed_on_whether_it_was_told_or_found(
    jobs: FakeJobStore, redis: Redis, settings: Settings
) -> None:
    passed_on: list[Collection[str]] = []
    waiters = Waiters(jobs, redis, settings, on_ends=passed_on.append)
    finish(jobs, "prd_a", success())

    waiters.tell({"prd_x": end_of("prd_x"), "prd_y": None})
    with waiters.maker_place("prd_a"):
        waiters.look(is_thorough=True)

    assert [list(job_ids) for job_ids in passed_on] == [["prd_x", "prd_y"], ["prd_a"]]


def test_places_of_all_kinds_are_bounded_together(waiters: Waiters) -> None:
    with waiters.maker_place("prd_a"), waiters.reader_place("prd_b", is_told=True), waiters.room() as third:
        with waiters.maker_place("prd_c") as maker, waiters.reader_place("prd_d", is_told=True) as reader:
            assert (maker, reader) == (None, None)
        with waiters.room() as fourth:
            assert (third, fourth) == (True, False)


def take_every_kind(waiters: Waiters, places: ExitStack) -> None:
    places.enter_context(waiters.maker_place("prd_a"))
    places.enter_context(waiters.reader_place("prd_b", is_told=True))
    places.enter_context(waiters.room())


def free_places(waiters: Waiters) -> list[bool]:
    """Say of one place more than there are whether it can be taken."""
    with waiters.room() as first, waiters.room() as second, waiters.room() as third, waiters.room() as fourth:
        return [first, second, third, fourth]


def test_a_place_is_given_back(waiters: Waiters) -> None:
    with ExitStack() as places:
        take_every_kind(waiters, places)

    assert free_places(waiters) == [True, True, True, False]


def test_a_request_without_a_place_takes_none_from_others(waiters: Waiters) -> None:
    with ExitStack() as places:
        take_every_kind(waiters, places)
        take_every_kind(waiters, places)

    assert free_places(waiters) == [True, True, True, False]


def wait_until_canceled(waiters: Waiters) -> None:
    with ExitStack() as places:
        take_every_kind(waiters, places)
        raise CancelledWait


def test_a_waiter_that_is_given_up_leaves_nothing_behind(waiters: Waiters) -> None:
    with pytest.raises(CancelledWait):
        wait_until_canceled(waiters)

    assert free_places(waiters) == [True, True, True, False]
    assert (waiters._makers, waiters._readers) == ({}, {})


def test_a_reader_that_ends_leaves_the_others_of_its_job_waiting(waiters: Waiters) -> None:
    with ExitStack() as places:
        stays = taken(waiters.reader_place("prd_a", is_told=True), places)
        with waiters.reader_place("prd_a", is_told=True):
            pass
        waiters.tell({"prd_a": end_of("prd_a")})

        assert stays.ended.wait(0)


def test_each_process_listens_on_a_channel_of_its_own(jobs: FakeJobStore, redis: Redis, settings: Settings) -> None:
    assert Waiters(jobs, redis, settings).reply_to != Waiters(jobs, redis, settings).reply_to
