"""What wrk printed, and what is no result."""

import json
from pathlib import Path

import pytest

from benchmarks.warm_process import ROOT, MeasurementFailed
from benchmarks.wrk import Load, LoadScript, WrkMissing, find_wrk, parse_load

TEXT = """Running 5s test @ http://127.0.0.1:9101/predict
  1 threads and 64 connections
  Latency Distribution
     50%   13.21ms
     99%   64.65ms
  9357 requests in 5.02s, 1.90MB read
Requests/sec:   1863.94
Transfer/sec:    387.01KB

"""


def printed(**changes: object) -> str:
    result = {
        "answers": 9357,
        "seconds": 5.02,
        "p50_seconds": 0.01321,
        "p99_seconds": 0.06465,
        "socket_errors": 0,
        "wrong": 0,
        "first_wrong": "",
    }
    return TEXT + json.dumps(result | changes) + "\n"


def test_the_last_line_is_the_result() -> None:
    assert parse_load(printed()) == Load(answers=9357, seconds=5.02, p50_seconds=0.01321, p99_seconds=0.06465)


def test_polls_are_counted_where_there_are_any() -> None:
    assert parse_load(printed(polls=20_000)).polls == 20_000


def test_the_first_wrong_answer_is_shown() -> None:
    with pytest.raises(MeasurementFailed, match=r"2 wrong answers of 9357; the first: 503 busy"):
        parse_load(printed(wrong=2, first_wrong="503 busy"))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        pytest.param(printed(socket_errors=3), "3 socket errors", id="lost connections"),
        pytest.param(printed(answers=0), "no answer at all", id="no answer"),
        pytest.param(TEXT, "no result", id="a script that did not come to its end"),
        pytest.param(TEXT + "{}", "no result", id="a result without its fields"),
        pytest.param("", "no result", id="nothing"),
    ],
)
def test_what_is_no_result_fails_the_measurement(output: str, message: str) -> None:
    with pytest.raises(MeasurementFailed, match=message):
        parse_load(output)


def test_a_machine_without_wrk_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(WrkMissing, match="apt-get install wrk"):
        find_wrk()


@pytest.mark.parametrize("script", [LoadScript.post("{}", status=202), LoadScript.submit_and_poll("{}", output="1")])
def test_a_script_lies_beside_its_module(script: LoadScript) -> None:
    assert (ROOT / "benchmarks" / script.file).is_file()
