"""What becomes of a process when its parent dies."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

#: A process that would live for longer than its test may take.
CHILD = """
import time
from shared.child_process import end_with_parent

end_with_parent()
print("ready", flush=True)
time.sleep(60)
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"

#: A process that is told who its parent was.
ORPHAN = """
import os, sys
from shared.child_process import end_with_parent

end_with_parent(os.getppid() + int(sys.argv[1]))
print("alive")
"""


def run_with_parent(root: Path, *, off_by: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ORPHAN, str(off_by)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.timeout(30)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_process_ends_when_its_parent_is_killed(root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"

        parent.kill()

        # The end of the stream: nobody holds its other end any more.
        assert parent.stdout.read() == ""


def test_a_process_whose_parent_has_died_before_ends_at_once(root: Path) -> None:
    orphan = run_with_parent(root, off_by=1)

    assert (orphan.returncode, orphan.stdout) == (-signal.SIGTERM, "")


def test_a_process_whose_parent_lives_goes_on(root: Path) -> None:
    child = run_with_parent(root, off_by=0)

    assert (child.returncode, child.stdout) == (0, "alive\n")
