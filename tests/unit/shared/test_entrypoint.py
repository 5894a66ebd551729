"""The process entry of a container, with real processes under it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

#: Says that it listens, then does with SIGTERM and SIGQUIT as its first two words tell.
SERVICE = """
import os, signal, sys, time

def end(number, _frame):
    print(signal.Signals(number).name, flush=True)
    if os.fork() == 0:
        time.sleep(0.1)
        os._exit(0)
    sys.exit(3)

actions = {"end": end, "ignore": signal.SIG_IGN}
signal.signal(signal.SIGTERM, actions[sys.argv[1]])
signal.signal(signal.SIGQUIT, actions[sys.argv[2]])
signal.signal(signal.SIGHUP, lambda *_: print("SIGHUP", flush=True))
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""
#: Leaves an orphan that ends, and prints what has become of it.
ORPHANING = """
import os, sys, time
entrypoint = os.getppid()
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.1)
        os.write(write, str(os.getpid()).encode())
        os._exit(0)
    os._exit(0)
os.wait()
orphan = int(os.read(read, 20))
until = time.monotonic() + 5
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < until:
    time.sleep(0.01)
print("zombie" if os.path.exists(f"/proc/{orphan}") else "reaped")
"""


class Start(Protocol):
    def __call__(self, *command: str, stop_seconds: float = 30.0) -> subprocess.Popen[str]: ...


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    with ExitStack() as processes:

        def start(*command: str, stop_seconds: float = 30.0) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "shared.entrypoint", *command],
                cwd=root,
                env=os.environ | {"ROWCALL_STOP_SECONDS": str(stop_seconds)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            processes.enter_context(process)
            processes.callback(process.kill)
            return process

        yield start


def start_service(start: Start, on_term: str, on_quit: str, *, stop_seconds: float = 30.0) -> subprocess.Popen[str]:
    process = start(sys.executable, "-c", SERVICE, on_term, on_quit, stop_seconds=stop_seconds)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return exit status and what was printed since."""
    printed, _ = process.communicate(timeout=20)
    return process.returncode, printed


def test_the_exit_status_is_that_of_the_command(start: Start) -> None:
    assert end_of(start("sh", "-c", "exit 78")) == (78, "")


def test_a_command_that_a_signal_ended_has_the_status_that_a_shell_gives_it(start: Start) -> None:
    assert end_of(start("sh", "-c", "kill -9 $$")) == (128 + signal.SIGKILL, "")


def test_sigterm_is_passed_on_and_the_command_ends_in_its_own_way(start: Start) -> None:
    process = start_service(start, "end", "ignore")

    process.terminate()

    assert end_of(process) == (3, "SIGTERM\n")


def test_other_signals_are_passed_on_too(start: Start) -> None:
    process = start_service(start, "end", "ignore")

    process.send_signal(signal.SIGHUP)
    assert process.stdout is not None
    heard = process.stdout.readline()
    process.terminate()

    assert (heard, end_of(process)) == ("SIGHUP\n", (3, "SIGTERM\n"))


def test_a_command_that_does_not_hear_sigterm_gets_sigquit_before_its_time_is_over(start: Start) -> None:
    process = start_service(start, "ignore", "end", stop_seconds=2.0)
    began = time.monotonic()

    process.terminate()

    assert end_of(process) == (3, "SIGQUIT\n")
    assert 1.0 <= time.monotonic() - began < 2.0


def test_a_command_that_hears_neither_is_killed_when_its_time_is_over(start: Start) -> None:
    process = start_service(start, "ignore", "ignore", stop_seconds=1.0)
    began = time.monotonic()

    process.terminate()

    assert end_of(process) == (128 + signal.SIGKILL, "")
    assert 1.0 <= time.monotonic() - began < 2.0


def test_a_second_sigterm_does_not_begin_the_time_again(start: Start) -> None:
    process = start_service(start, "ignore", "ignore", stop_seconds=1.0)
    began = time.monotonic()

    process.terminate()
    time.sleep(0.6)
    process.terminate()

    assert end_of(process)[0] == 128 + signal.SIGKILL
    assert time.monotonic() - began < 1.5


def test_orphans_are_reaped(start: Start) -> None:
    assert end_of(start(sys.executable, "-c", ORPHANING)) == (0, "reaped\n")


def test_what_the_command_leaves_behind_is_ended(start: Start) -> None:
    process = start("sh", "-c", "sleep 60 & echo $!")

    status, printed = end_of(process)

    assert status == 0
    assert not Path(f"/proc/{printed.strip()}/cmdline").exists() or not Path(
        f"/proc/{printed.strip()}/cmdline"
    ).read_bytes().startswith(b"sleep")


def test_without_a_command_it_says_how_it_is_used(start: Start) -> None:
    process = start()

    _, complaint = process.communicate(timeout=20)

    assert (process.returncode, complaint) == (os.EX_USAGE, "usage: python -m shared.entrypoint COMMAND…\n")


def test_a_command_that_does_not_exist_is_named(start: Start) -> None:
    process = start("no-such-command")

    _, complaint = process.communicate(timeout=20)

    assert (process.returncode, complaint) == (127, "no-such-command: No such file or directory\n")


def test_a_bad_setting_is_named(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shared.entrypoint", "true"],
        cwd=root,
        env=os.environ | {"ROWCALL_STOP_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert done.returncode == os.EX_CONFIG
    assert "ROWCALL_STOP_SECONDS" in done.stderr
