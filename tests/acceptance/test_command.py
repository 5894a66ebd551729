"""The command `rowcall` against a real stack."""

import json
import os
import subprocess
import sys
from pathlib import Path

from standalone.stack import Stack

PERSON = ["height=190", "weight=70", "shoe_size=43"]


def rowcall(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "rowcall"), *arguments]
    environment = os.environ | {"ROWCALL_URL": stack.url}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_predict_prints_the_answer(stack: Stack) -> None:
    done = rowcall(stack, "predict", *PERSON, "--model", "gender")

    assert done.returncode == 0
    assert done.stdout.startswith("male  98.0 %")


def test_submit_and_get_read_the_same_job(stack: Stack) -> None:
    job_id = rowcall(stack, "submit", *PERSON, "--model", "gender").stdout.strip()

    done = rowcall(stack, "get", job_id, "--wait", "30", "--json")

    job = json.loads(done.stdout)
    assert done.returncode == 0
    assert (job["id"], job["status"], job["output"]["prediction"]) == (job_id, "succeeded", "male")


def test_a_refused_input_exits_3_with_the_mend(stack: Stack) -> None:
    done = rowcall(stack, "predict", "height=1.81", "weight=80", "shoe_size=44", "--model", "gender")

    assert done.returncode == 3
    assert done.stdout == ""
    assert "looks like metres; send centimetres (181)" in done.stderr


def test_models_lists_units_and_ranges(stack: Stack) -> None:
    done = rowcall(stack, "models")

    assert done.returncode == 0
    assert "height" in done.stdout
    assert "cm" in done.stdout
