"""Progress: who takes nothing although messages wait."""

from collections.abc import Mapping

import pytest

from shared.queues import Lane
from tests.fakes import FakeBroker
from tests.unit.worker.conftest import Clock
from worker.activity import Activity
from worker.progress import Progress


class WaitingBroker(FakeBroker):
    """A broker whose queues a test fills: for each lane when its oldest message was enqueued."""

    oldest: Mapping[Lane, float | None] = {Lane.INTERACTIVE: 100.0, Lane.BULK: None}

    def oldest_messages(self) -> Mapping[Lane, float | None]:
        self._require_up()
        return self.oldest


@pytest.fixture
def broker() -> WaitingBroker:
    return WaitingBroker()


@pytest.fixture
def activity(clock: Clock) -> Activity:
    return Activity(clock)


@pytest.fixture
def progress(broker: WaitingBroker, activity: Activity, clock: Clock) -> Progress:
    return Progress(broker, [Lane.INTERACTIVE], activity, clock)


def test_a_worker_that_lets_messages_wait_is_stalled_from_the_first_look_on(progress: Progress, clock: Clock) -> None:
    progress.look()
    clock.now += 5
    progress.look()

    assert progress.stalled_seconds == 5


def test_an_empty_queue_stalls_nobody(progress: Progress, broker: WaitingBroker, clock: Clock) -> None:
    progress.look()
    clock.now += 100
    broker.oldest = {Lane.INTERACTIVE: None, Lane.BULK: None}

    progress.look()

    assert progress.stalled_seconds == 0


def test_messages_of_a_lane_that_it_does_not_take_stall_nobody(
    progress: Progress, broker: WaitingBroker, clock: Clock
) -> None:
    broker.oldest = {Lane.INTERACTIVE: None, Lane.BULK: 100.0}
    progress.look()
    clock.now += 100

    assert progress.stalled_seconds == 0


def test_a_lane_whose_broker_cannot_tell_stalls_nobody(progress: Progress, broker: WaitingBroker, clock: Clock) -> None:
    broker.oldest = {}
    progress.look()
    clock.now += 100

    assert progress.stalled_seconds == 0


def test_a_worker_with_a_message_in_hand_is_not_stalled(progress: Progress, activity: Activity, clock: Clock) -> None:
    progress.look()
    clock.now += 100

    with activity.working():
        assert progress.stalled_seconds == 0


def test_a_message_that_was_taken_since_counts(progress: Progress, activity: Activity, clock: Clock) -> None:
    progress.look()
    clock.now += 100
    with activity.working():
        clock.now += 1
    clock.now += 3

    assert progress.stalled_seconds == 3


def test_a_broker_that_is_away_is_no_fault_of_the_worker(
    progress: Progress, broker: WaitingBroker, clock: Clock
) -> None:
    progress.look()
    clock.now += 100
    broker.is_down = True

    progress.look()

    assert (progress.is_broker_away, progress.stalled_seconds) == (True, 0)


def test_a_broker_that_came_back_is_looked_at_afresh(progress: Progress, broker: WaitingBroker, clock: Clock) -> None:
    broker.is_down = True
    progress.look()
    clock.now += 100
    broker.is_down = False

    progress.look()

    assert (progress.is_broker_away, progress.stalled_seconds) == (False, 0)
