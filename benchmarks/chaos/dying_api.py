"""Process entry: the API as it is, but its next message may be its last.

`python -m benchmarks.chaos.dying_api FILE`: when the file exists, the server process that sends a message next takes it
away and kills itself. The records of the message's jobs are then written, and the message is not sent.
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import shared.broker
from api.__main__ import main
from shared.jobs import JobSpec


def make_dying(broker: Any, trigger: Path) -> type[shared.broker.Broker]:
    """Return the broker of an API process that may be told to die; broker: the class that sends."""

    class DyingBroker(broker):  # type: ignore[misc]  # either of two classes
        """Sends as its parent does, unless the file is there."""

        def entry(self, specs: Sequence[JobSpec]) -> Any:
            # Nothing comes between a record and a message that are written as one, so they are written one by one.
            return None if trigger.exists() else super().entry(specs)

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
    is_on_sqs = os.environ.get("ROWCALL_BROKER_URL", "").startswith("sqs:")
    name = "SqsBroker" if is_on_sqs else "CeleryBroker"
    module = import_module("shared.sqs_broker") if is_on_sqs else shared.broker
    setattr(module, name, make_dying(getattr(module, name), Path(sys.argv[1])))
    sys.exit(main())
