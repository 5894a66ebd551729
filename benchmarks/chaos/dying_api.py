"""Process entry: the API as it is, but its next message may be its last.

`python -m benchmarks.chaos.dying_api FILE`: when the file exists, the server process that sends a message next takes it
away and kills itself. The records of the message's jobs are then written, and the message is not sent.
"""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import shared.broker
from api.__main__ import main
from shared.jobs import JobSpec


def make_dying_broker(trigger: Path) -> type[shared.broker.CeleryBroker]:
    """Return the broker of an API process that may be told to die."""

    class DyingBroker(shared.broker.CeleryBroker):
        """Sends as its parent does, unless the file is there."""

        def send(self, specs: Sequence[JobSpec], *, enqueued_at: float) -> None:
            try:
                trigger.unlink()
            except FileNotFoundError:
                super().send(specs, enqueued_at=enqueued_at)
            else:
                os.kill(os.getpid(), signal.SIGKILL)

    return DyingBroker


if __name__ == "__main__":
    # The server processes are forks of this one, and wire themselves with what they find here.
    shared.broker.CeleryBroker = make_dying_broker(Path(sys.argv[1]))  # type: ignore[misc]
    sys.exit(main())
