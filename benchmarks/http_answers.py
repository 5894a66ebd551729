"""Ask a server once, before it is loaded, and compare its answer with the model's own."""

import json
import math
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from benchmarks.warm_process import Deadline, MeasurementFailed

_ANSWER_SECONDS = 30.0
_LOOK_SECONDS = 0.1
#: Largest difference to the model's own probability.
_TOLERANCE = 1e-9


def ask(url: str, body: str | None = None) -> tuple[int, Mapping[str, str], bytes]:
    """GET, or POST the JSON; returns status, headers and body. Raises OSError when nobody answers."""
    headers = {"Content-Type": "application/json"}
    question = urllib.request.Request(url, data=None if body is None else body.encode(), headers=headers)
    try:
        with urllib.request.urlopen(question, timeout=_ANSWER_SECONDS) as answer:
            return answer.status, dict(answer.headers.items()), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers.items()), error.read()


def wait_for_answer(url: str, body: str, server: subprocess.Popen[bytes], deadline: Deadline) -> bytes:
    """Return the body of the first answer with 200; raises MeasurementFailed."""
    while server.poll() is None:
        try:
            status, _, answer = ask(url, body)
        except OSError:
            # It does not listen yet.
            status, answer = 0, b""
        if status == 200:
            return answer
        if 400 <= status < 500:
            raise MeasurementFailed(f"it answers {status} {answer[:300]!r}")
        time.sleep(min(_LOOK_SECONDS, deadline.remaining_seconds()))
    raise MeasurementFailed("it ended")


def require_right(answer: Any, expected: Mapping[str, Any], *, of: str) -> None:
    """Raise MeasurementFailed unless class and probabilities are those that the model gives directly."""
    wanted = expected["probabilities"]
    try:
        found = answer["probabilities"]
        is_right = answer["prediction"] == expected["prediction"] and found.keys() == wanted.keys()
        is_right = is_right and all(math.isclose(found[name], wanted[name], abs_tol=_TOLERANCE) for name in wanted)
    except (KeyError, TypeError, AttributeError):
        is_right = False
    if not is_right:
        raise MeasurementFailed(f"{of} answers {json.dumps(answer)[:300]} where the model says {json.dumps(expected)}")
