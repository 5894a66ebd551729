"""The command when there is no output: what it says on stderr, and how it exits."""

import pytest

from tests.unit.client.cli.conftest import UNUSED_URL, Make, run
from tests.unit.client.scripted_server import ScriptedServer


def test_refused_fields_are_listed_with_how_to_mend_them(server: ScriptedServer, problem: Make) -> None:
    detail = "1.81 is outside 100 to 250 cm; looks like meters; send centimeters (181)"
    note = {"pointer": "/input/height", "code": "out_of_range", "detail": detail}
    server.answer(problem(422, "invalid_input", errors=[note]), 422)

    result = run("predict", "height=1.81")

    assert result.stderr == f"error: Invalid input (422 invalid_input)\n  height: {detail}\n"
    assert (result.stdout, result.exit_code) == ("", 3)


def test_an_unknown_model_is_answered_with_where_to_look(server: ScriptedServer, problem: Make) -> None:
    server.answer(problem(404, "model_not_found", detail="There is no model 'x'."), 404)

    result = run("models", "x")

    assert "error: There is no model 'x'. (404 model_not_found)\n" in result.stderr
    assert "rowcall models" in result.stderr
    assert result.exit_code == 3


def test_trouble_of_the_server_exits_4_with_the_request_id(server: ScriptedServer, problem: Make) -> None:
    server.answer(problem(503, "store_unavailable"), 503, Retry_After="30")

    result = run("predict", "height=181")

    assert result.stderr.splitlines()[0] == "error: The detail. (503 store_unavailable)"
    assert "Try again in 30 s." in result.stderr
    assert "req_7" in result.stderr
    assert result.exit_code == 4


@pytest.mark.parametrize(("status", "exit_code"), [(400, 3), (404, 3), (409, 3), (499, 3), (500, 4), (507, 4)])
def test_a_refusal_exits_3_and_a_trouble_of_the_server_4(
    server: ScriptedServer, problem: Make, status: int, exit_code: int
) -> None:
    server.answer(problem(status, "some_code"), status)

    result = run("cancel", "prd_1")

    assert (result.stdout, result.exit_code) == ("", exit_code)


def test_a_server_that_is_away_exits_4_and_says_how_to_start_one() -> None:
    result = run("--url", UNUSED_URL, "models")

    assert result.stderr.splitlines() == [
        f"error: No server can be reached at {UNUSED_URL} (Connection refused).",
        "  Start one with `make up`, or name another with --url or ROWCALL_URL.",
    ]
    assert (result.stdout, result.exit_code) == ("", 4)


@pytest.mark.parametrize("status", ["failed", "canceled", "expired"])
@pytest.mark.parametrize("arguments", [("get", "prd_1"), ("get", "prd_1", "--wait", "5"), ("predict", "height=181")])
def test_a_prediction_that_ended_without_output_exits_1(
    server: ScriptedServer, job: Make, arguments: tuple[str, ...], status: str
) -> None:
    server.answer(job(status=status, error={"code": "prediction_failed", "detail": "It broke.", "errors": []}))

    result = run(*arguments)

    assert result.stderr.startswith("error: prd_1 ")
    assert "It broke. (prediction_failed)" in result.stderr
    assert (result.stdout, result.exit_code) == ("", 1)


def test_a_prediction_not_finished_in_time_exits_5_and_says_how_to_go_on(server: ScriptedServer, job: Make) -> None:
    server.answer(job(queue={"position": 12, "eta_seconds": 0.8}), 202)

    result = run("predict", "height=181", "--wait", "0")

    assert result.stderr.splitlines() == [
        "error: prd_1 is still queued after 0 s, position 12, done in about 0.8 s.",
        "  It goes on; follow it with: rowcall get prd_1 --wait 30",
    ]
    assert (result.stdout, result.exit_code) == ("", 5)
