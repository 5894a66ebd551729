"""Load by wrk, the HTTP load generator: one thread, any number of connections, every answer checked by a script."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.warm_process import MeasurementFailed

_FOLDER = Path(__file__).resolve().parent
#: An answer that takes longer is an error; Celery as people write it takes seconds at 256 connections.
_ANSWER_SECONDS = 60
#: wrk ends on time unless something is badly wrong.
_EXTRA_SECONDS = 30.0


class WrkMissing(Exception):
    """Raised when this machine has no wrk; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw."""

    #: Requests answered; for clients that submit and poll, jobs read to their end.
    answers: int
    seconds: float
    p50_seconds: float
    p99_seconds: float
    #: Requests that asked whether a job is final.
    polls: int = 0


@dataclass(frozen=True, slots=True)
class LoadScript:
    """One of our scripts for wrk, with its arguments."""

    file: str
    arguments: tuple[str, ...]

    @classmethod
    def post(cls, body: str, *, status: int, answer: str = "") -> "LoadScript":
        """POST the body; every answer must have the status and, if one is given, be that answer byte by byte."""
        return cls("wrk_post.lua", (body, str(status), answer))

    @classmethod
    def submit_and_poll(cls, body: str, *, output: str, pause_milliseconds: int = 0) -> "LoadScript":
        """POST the body and GET what Location names until it is final; its document must hold the output.

        pause_milliseconds: what a client lets pass before each of its requests.
        """
        return cls("wrk_submit_poll.lua", (body, output, str(pause_milliseconds)))


def find_wrk() -> Path:
    """Return the path of wrk; raises WrkMissing."""
    found = shutil.which("wrk")
    if found is None:
        raise WrkMissing("wrk is not installed, and without it nothing is measured: apt-get install wrk")
    return Path(found)


def put_under_load(url: str, script: LoadScript, *, connections: int, seconds: float) -> Load:
    """Send requests over as many connections for so long; raises MeasurementFailed after any wrong answer."""
    command = [str(find_wrk()), "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--latency"]
    command += [f"--timeout={_ANSWER_SECONDS}s", "-s", str(_FOLDER / script.file), url, "--", *script.arguments]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _EXTRA_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"wrk did not end after {error.timeout:g} s") from error
    if run.returncode:
        raise MeasurementFailed(f"wrk failed: {run.stderr.strip() or run.stdout.strip()}")
    return parse_load(run.stdout)


def parse_load(output: str) -> Load:
    """Read the last line of wrk's output, which our scripts print; raises MeasurementFailed after any wrong answer."""
    last = output.rstrip().rpartition("\n")[2]
    try:
        found = json.loads(last)
        load = Load(
            answers=found["answers"],
            seconds=found["seconds"],
            p50_seconds=found["p50_seconds"],
            p99_seconds=found["p99_seconds"],
            polls=found.get("polls", 0),
        )
        wrong, first_wrong, socket_errors = found["wrong"], found["first_wrong"], found["socket_errors"]
    except (ValueError, TypeError, KeyError) as error:
        raise MeasurementFailed(f"wrk printed no result but {last[:200]!r}") from error
    if wrong:
        raise MeasurementFailed(f"{wrong} wrong answers of {load.answers}; the first: {first_wrong}")
    if socket_errors:
        raise MeasurementFailed(f"{socket_errors} socket errors beside {load.answers} answers")
    if not load.answers:
        raise MeasurementFailed(f"no answer at all in {load.seconds:g} s")
    return load
