import pytest
from redis import Redis

from shared.lane_flow import WINDOW_SECONDS, LaneFlow
from shared.queues import Lane
from shared.settings import Settings


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(redis: Redis, settings: Settings, clock: Clock) -> LaneFlow:
    return LaneFlow(redis, settings, clock)


def test_nothing_is_known_of_a_lane_from_which_nothing_was_received(flow: LaneFlow) -> None:
    flow.note(Lane.BULK, 5.0)

    assert flow.find_oldest(Lane.INTERACTIVE) is None


def test_the_oldest_of_the_last_messages_counts(flow: LaneFlow) -> None:
    flow.note(Lane.BULK, 900.0)
    flow.note(Lane.BULK, 100.0)
    flow.note(Lane.BULK, 500.0)

    assert flow.find_oldest(Lane.BULK) == 100.0


def test_what_other_workers_received_counts(flow: LaneFlow, redis: Redis, settings: Settings, clock: Clock) -> None:
    flow.note(Lane.BULK, 900.0)
    LaneFlow(redis, settings, clock).note(Lane.BULK, 100.0)

    assert flow.find_oldest(Lane.BULK) == 100.0


@pytest.mark.parametrize(
    ("windows", "oldest"), [pytest.param(1, 100.0, id="last window"), pytest.param(2, None, id="the one before")]
)
def test_what_was_received_long_ago_is_forgotten(
    flow: LaneFlow, clock: Clock, windows: int, oldest: float | None
) -> None:
    flow.note(Lane.BULK, 100.0)

    clock.now += windows * WINDOW_SECONDS

    assert flow.find_oldest(Lane.BULK) == oldest
