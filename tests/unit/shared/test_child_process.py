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
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"

#: A process that follows its parent and handles SIGTERM in one of the ways below.
FOLLOWER = """
import ctypes, os, signal, time
from shared.child_process import follow_parent

signal.signal(signal.SIGTERM, {handler})
follow_parent(os.getppid(), 1)
print("ready", flush=True)
while True:
    time.sleep(0.1)
"""
ENDS = "lambda *_: os._exit(print('ended', flush=True) or 0)"
#: It stands still, and holds the lock of the interpreter meanwhile, so that no other thread runs.
STANDS_STILL = "lambda *_: print('stands still', flush=True) or ctypes.PyDLL(None).sleep(60)"

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


def read_after_death_of_parent(root: Path, child: str) -> str:
    """Return what a child wrote from the death of its parent until nobody held the stream any more."""
    command = [sys.executable, "-c", PARENT.format(child=child)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        return parent.stdout.read()


@pytest.mark.timeout(30)
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_process_ends_when_its_parent_is_killed(root: Path) -> None:
    assert read_after_death_of_parent(root, CHILD) == ""


@pytest.mark.timeout(30)
def test_a_process_that_follows_its_parent_may_end_in_its_own_way(root: Path) -> None:
    assert read_after_death_of_parent(root, FOLLOWER.format(handler=ENDS)) == "ended\n"


@pytest.mark.timeout(30)
def test_a_process_that_stands_still_when_told_to_end_is_killed(root: Path) -> None:
    assert read_after_death_of_parent(root, FOLLOWER.format(handler=STANDS_STILL)) == "stands still\n"


def test_a_process_whose_parent_has_died_before_ends_at_once(root: Path) -> None:
    orphan = run_with_parent(root, off_by=1)

    assert (orphan.returncode, orphan.stdout) == (-signal.SIGTERM, "")


def test_a_process_whose_parent_lives_goes_on(root: Path) -> None:
    child = run_with_parent(root, off_by=0)

    assert (child.returncode, child.stdout) == (0, "alive\n")
