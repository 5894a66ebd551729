"""`python -m standalone.demo`: start a stack of its own, go through each door, say what happened, stop."""

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shared.settings import Settings
from standalone.stack import ROOT, Stack, StackFailed, running_stack
from standalone.store_server import NoStoreServer


class DemoFailed(Exception):
    """Raised when a door did not do what it promises."""


def main() -> int:
    """Return 0 when every door did what it promises."""
    started = time.monotonic()
    # A demonstration must neither find the jobs of a stack that runs here, nor leave any.
    with tempfile.TemporaryDirectory(prefix="rowcall-demo-") as data_dir:
        settings = Settings(port=_free_port(), data_dir=Path(data_dir), models_dir=ROOT / "models")
        try:
            _say("Starting a private server, the API and workers that hold the model ...")
            with running_stack(settings) as stack:
                _say(f"Ready after {time.monotonic() - started:.1f} s, on {stack.url}.")
                _show_doors(stack)
        except (StackFailed, NoStoreServer, DemoFailed) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    _say("\nEverything is stopped. `make up` starts a stack that stays; the README shows the same with curl.")
    return 0


def _show_doors(stack: Stack) -> None:
    def rowcall(command: str) -> str:
        return _run(stack, command, expected=0)

    def refused(command: str) -> str:
        return _run(stack, command, expected=3)

    _say("\n1. Submit and poll: the job is accepted at once, a worker answers it, the answer is read by its id.")
    job_id = rowcall("submit height=181 weight=80 shoe_size=44").strip()
    rowcall(f"get {job_id} --wait 30")

    _say("\n2. Wait: one call, the answer comes back. (The same queue, the same promise.)")
    rowcall("predict height=190 weight=70 shoe_size=43")

    _say("\n3. Score a CSV of 3,000 people, some rows of it broken: every row comes back, in its place.")
    _score_people(stack)

    _say("\n4. A wrong unit never passes in silence: a height in metres is refused, and the answer says what to send.")
    refused("predict height=1.81 weight=80 shoe_size=44")


def _score_people(stack: Stack) -> None:
    with tempfile.TemporaryDirectory(prefix="rowcall-demo-") as folder:
        scored, errors = Path(folder) / "scored.csv", Path(folder) / "errors.csv"
        # Exit status 1 says that some rows have errors.
        _run(stack, f"score examples/people.csv -o {scored} --errors {errors}", expected=1)
        for file, lines in ((scored, 4), (errors, 6)):
            _say(f"\n   The first lines of {file.name}:")
            for line in file.read_text().splitlines()[:lines]:
                _say(f"   {line}")


def _run(stack: Stack, command: str, *, expected: int) -> str:
    _say(f"\n   $ rowcall {command}")
    done = subprocess.run(
        [Path(sys.executable).parent / "rowcall", *shlex.split(command)],
        cwd=ROOT,
        env=os.environ | {"ROWCALL_URL": stack.url},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in (done.stdout + done.stderr).splitlines():
        _say(f"   {line}")
    if done.returncode != expected:
        raise DemoFailed(f"`rowcall {command}` ended with {done.returncode}, expected {expected}")
    return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
