"""Which workers let others go first."""

import os
import threading
from collections.abc import Sequence

import pytest

from shared.queues import Lane
from worker.priority import BULK_NICENESS, Priority

#: No process is more urgent, so none becomes less urgent by it.
FOREMOST = -20


def niceness_after_start(lanes: Sequence[Lane]) -> int:
    """Start it in a thread of its own, because nobody may raise a priority again."""
    found: list[int] = []

    def start() -> None:
        Priority(lanes).start()
        found.append(os.getpriority(os.PRIO_PROCESS, 0))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize(
    ("lanes", "least"),
    [
        pytest.param([Lane.BULK], BULK_NICENESS, id="files only"),
        pytest.param([Lane.INTERACTIVE], FOREMOST, id="single predictions only"),
        pytest.param([Lane.INTERACTIVE, Lane.BULK], FOREMOST, id="both"),
    ],
)
def test_a_worker_of_files_alone_lets_others_go_first(lanes: Sequence[Lane], least: int) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)

    niceness = niceness_after_start(lanes)

    assert niceness == max(own, least)
