"""The API whose next message may be its last."""

import signal
import subprocess
import sys
from pathlib import Path

#: A server process that sends one message, without a server to send it to.
PROGRAM = """
import sys
from pathlib import Path
import shared.broker
shared.broker.CeleryBroker.send = lambda self, specs, enqueued_at: print("sent", flush=True)
from benchmarks.chaos.dying_api import make_dying
broker = make_dying(shared.broker.CeleryBroker, Path(sys.argv[1]))
broker.send(object.__new__(broker), [], enqueued_at=0.0)
"""


def send(trigger: Path, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(trigger)], cwd=root, capture_output=True, text=True, check=False
    )


def test_it_sends_as_ever_without_the_file(tmp_path: Path, root: Path) -> None:
    run = send(tmp_path / "trigger", root)

    assert (run.returncode, run.stdout) == (0, "sent\n")


def test_it_takes_the_file_and_dies_before_it_sends(tmp_path: Path, root: Path) -> None:
    trigger = tmp_path / "trigger"
    trigger.touch()

    run = send(trigger, root)

    assert (run.returncode, run.stdout) == (-signal.SIGKILL, "")
    assert not trigger.exists()
