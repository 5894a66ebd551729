"""The command: what it prints where, what it asks the server, and how it exits."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rowcall_client.cli import app
from tests.unit.client.scripted_server import ScriptedServer

Document = dict[str, Any]
Make = Callable[..., Document]

UNUSED_URL = "http://127.0.0.1:9"
PYTHON = [sys.executable, "-c"]
RUN = "from rowcall_client.cli import main; main()"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, prog_name="rowcall")


def test_predict_prints_the_answer_on_one_line(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job(), Server_Timing='queue;dur=3.9, predict;dur=1.2, batch;desc="1"')

    result = run("predict", "height=181", "weight=80", "shoe_size=44")

    assert result.stdout == "male  97.0 %   (female 3.0 %)  gender/1  4 ms queue, 1 ms predict\n"
    assert (result.stderr, result.exit_code) == ("", 0)


def test_predict_sends_numbers_as_numbers_and_the_rest_as_text(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job())

    run("predict", "a=181", "b=-1.5e2", "c=.5", "d=blue", "e=00501", 'f="44"', "g=nan", "h=1e999", "i=", "j=x=y")

    assert server.requests[0].body == {
        "input": {
            "a": 181,
            "b": -150.0,
            "c": 0.5,
            "d": "blue",
            "e": "00501",
            "f": "44",
            "g": "nan",
            "h": "1e999",
            "i": "",
            "j": "x=y",
        }
    }


def test_predict_passes_model_version_deadline_and_wait_on(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job())

    run("predict", "height=181", "--model", "gender", "--version", "2", "--cancel-after", "9", "--wait", "4")

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/predictions")
    assert request.body == {"model": "gender", "version": "2", "input": {"height": 181}}
    assert (request.headers["prefer"], request.headers["cancel-after"]) == ("wait=4", "9s")


def test_rows_of_a_file_make_a_table_with_row_numbers(
    server: ScriptedServer, succeeded_job: Make, tmp_path: Path
) -> None:
    male = {"prediction": "male", "probabilities": {"female": 0.03, "male": 0.97}}
    female = {"prediction": "female", "probabilities": {"female": 0.99999, "male": 0.00001}}
    server.answer(succeeded_job(output=[male, female]))
    file = tmp_path / "rows.json"
    file.write_text('[{"height": 181}, {"height": 160}]')

    result = run("predict", "--input", str(file))

    assert server.requests[0].body["input"] == [{"height": 181}, {"height": 160}]
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["row", "prediction", "probability", "others"],
        ["1", "male", "97.0", "%", "female", "3.0", "%"],
        ["2", "female", ">99.9", "%", "male", "<0.1", "%"],
        ["2", "rows", "gender/1", "250", "ms", "queue,", "500", "ms", "predict"],
    ]


def test_rows_can_come_from_stdin(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job())

    run("predict", "--input", "-", stdin='{"height": 181}')

    assert server.requests[0].body["input"] == {"height": 181}


def test_the_answer_of_a_regression_is_a_bare_number(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job(output={"prediction": 12.25}))

    result = run("predict", "height=181")

    assert result.stdout == "12.25  gender/1  250 ms queue, 500 ms predict\n"


def test_a_regression_table_has_no_columns_for_classes(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job(output=[{"prediction": 12.25}, {"prediction": 7}]))

    result = run("predict", "--input", "-", stdin="[{}, {}]")

    assert result.stdout.splitlines()[0].split() == ["row", "prediction"]


def test_brackets_in_a_class_are_printed_and_not_taken_for_colors(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job(output={"prediction": "[bold]x", "probabilities": {"[bold]x": 0.9, "[red]": 0.1}}))

    result = run("predict", "height=181")

    assert result.stdout.startswith("[bold]x  90.0 %   ([red] 10.0 %)")


def test_brackets_in_the_classes_of_a_model_are_printed_too(server: ScriptedServer, model_document: Document) -> None:
    server.answer({"object": "list", "data": [model_document | {"classes": ["[bold]x", "y"]}]})

    result = run("models")

    assert "[bold]x, y" in result.stdout


def test_warnings_go_to_stderr_with_the_row_they_are_about(server: ScriptedServer, succeeded_job: Make) -> None:
    warning = {"pointer": "/input/1/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(succeeded_job(warnings=[warning]))

    result = run("predict", "height=210")

    assert result.stderr == "warning: row 2, height: 210 is rare.\n"
    assert result.exit_code == 0


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


def test_submit_prints_the_bare_id_and_on_stderr_how_to_follow_it(server: ScriptedServer, job: Make) -> None:
    server.answer(job(queue={"position": 12, "eta_seconds": 0.8}), 202)

    result = run("submit", "height=181")

    assert "prefer" not in server.requests[0].headers
    assert result.stdout == "prd_1\n"
    assert result.stderr == ("queued, position 12, done in about 0.8 s; follow it with: rowcall get prd_1 --wait 30\n")
    assert result.exit_code == 0


def test_submit_prints_warnings_to_stderr(server: ScriptedServer, job: Make) -> None:
    warning = {"pointer": "/input/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(job(warnings=[warning]), 202)

    result = run("submit", "height=210")

    assert result.stderr.startswith("warning: height: 210 is rare.\nqueued; follow it with")
    assert result.stdout == "prd_1\n"


def test_the_way_to_follow_names_a_server_that_was_named(
    server: ScriptedServer, job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWCALL_URL")
    server.answer(job(), 202)

    result = run("submit", "height=181", "--url", server.url)

    assert result.stderr.endswith(f"follow it with: rowcall get prd_1 --wait 30 --url {server.url}\n")


def test_get_prints_how_far_an_unfinished_prediction_is(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="running", attempt=1))

    result = run("get", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/predictions/prd_1")
    assert (result.stdout, result.exit_code) == ("prd_1  running  gender/1\n", 0)


def test_get_can_wait_until_it_is_finished(server: ScriptedServer, succeeded_job: Make) -> None:
    server.answer(succeeded_job())

    result = run("get", "prd_1", "--wait", "7")

    assert server.requests[0].headers["prefer"] == "wait=7"
    assert result.stdout.startswith("male  97.0 %")


def test_cancel_prints_that_it_is_canceled(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="canceled"))

    result = run("cancel", "prd_1")

    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/v1/predictions/prd_1/cancel")
    assert (result.stdout, result.exit_code) == ("prd_1  canceled\n", 0)


def test_cancel_says_when_a_running_prediction_is_still_to_stop(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="running"), 202)

    result = run("cancel", "prd_1")

    assert (result.stdout, result.exit_code) == ("prd_1  running; it was asked to stop\n", 0)


def test_models_prints_versions_ranges_units_and_classes(server: ScriptedServer, model_document: Document) -> None:
    server.answer({"object": "list", "data": [model_document]})

    result = run("models")

    assert result.stdout.splitlines()[0].split() == ["model", "versions", "features", "classes"]
    assert "1, 2" in result.stdout
    assert "height 100\N{EN DASH}250 cm" in result.stdout
    assert "female, male" in result.stdout


def test_models_says_when_there_are_none(server: ScriptedServer) -> None:
    server.answer({"object": "list", "data": []})

    result = run("models")

    assert (result.stdout, result.exit_code) == ("No model is served yet.\n", 0)


def test_models_describes_one_model_with_metrics_and_a_command_to_try(
    server: ScriptedServer, model_document: Document
) -> None:
    server.answer(model_document)

    result = run("models", "gender")

    assert "150.5\N{EN DASH}200" in result.stdout
    assert "folds.count" in result.stdout
    assert "rowcall predict height=181 weight=80 shoe_size=44 --model gender\n" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--json", "predict", "height=181"), id="before the command"),
        pytest.param(("predict", "height=181", "--json"), id="after the command"),
        pytest.param(("submit", "height=181", "--json"), id="submit"),
        pytest.param(("get", "prd_1", "--json"), id="get"),
        pytest.param(("cancel", "prd_1", "--json"), id="cancel"),
    ],
)
def test_json_prints_the_document_of_the_server_character_for_character(
    server: ScriptedServer, succeeded_job: Make, arguments: tuple[str, ...]
) -> None:
    warning = {"pointer": "/input/height", "code": "untypical", "detail": "Größe is rare."}
    body = json.dumps(succeeded_job(warnings=[warning]), ensure_ascii=False, indent=1)
    server.answer(body.encode())

    result = run(*arguments)

    assert (result.stdout, result.stderr, result.exit_code) == (f"{body}\n", "", 0)


def test_json_of_models_is_the_whole_list(server: ScriptedServer, model_document: Document) -> None:
    document = {"object": "list", "data": [model_document]}
    server.answer(document)

    result = run("models", "--json")

    assert json.loads(result.stdout) == document


def test_with_json_a_problem_goes_to_stderr_and_stdout_stays_empty(server: ScriptedServer, problem: Make) -> None:
    document = problem(404, "prediction_not_found")
    server.answer(document, 404)

    result = run("get", "prd_9", "--json")

    assert json.loads(result.stderr) == document
    assert (result.stdout, result.exit_code) == ("", 3)


def test_with_json_a_server_that_is_away_is_a_document_too() -> None:
    result = run("--url", UNUSED_URL, "--json", "models")

    assert json.loads(result.stderr)["code"] == "connection_failed"
    assert (result.stdout, result.exit_code) == ("", 4)


def test_with_json_a_failed_prediction_is_printed_as_it_is(server: ScriptedServer, job: Make) -> None:
    server.answer(job(status="failed"))

    result = run("get", "prd_1", "--json")

    assert json.loads(result.stdout)["status"] == "failed"
    assert (result.stderr, result.exit_code) == ("", 1)


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("predict",), None, "nothing to predict"),
        (("predict", "height"), None, "'height' is not FEATURE=VALUE"),
        (("predict", "=181"), None, "'=181' is not FEATURE=VALUE"),
        (("predict", "height=1", "height=2"), None, "the feature 'height' is given twice"),
        (("predict", "height=1", "--input", "-"), "{}", "either FEATURE=VALUE arguments or --input"),
        (("predict", "--input", "-"), "{height: 1}", "the input is not JSON"),
        (("predict", "--input", "-"), '{"height": NaN}', "NaN is not a JSON number"),
        (("predict", "--input", "-"), '{"height": 1e999}', "1e999 is too large"),
        (("predict", "--input", "-"), "[1, 2]", "must be one record"),
        (("predict", "--input", "no such file.json"), None, "No such file"),
        (("predict", "height=1", "--wait", "-1"), None, "--wait"),
        (("predict", "height=1", "--cancel-after", "0.5"), None, "--cancel-after"),
        (("predict", "height=1", "--url", "localhost:8000"), None, "must begin with http://"),
        (("get",), None, "Missing argument 'ID'"),
        (("modles",), None, "Did you mean 'models'?"),
    ],
)
def test_a_wrong_command_line_exits_2_and_says_why_without_asking_the_server(
    server: ScriptedServer, arguments: tuple[str, ...], stdin: str | None, message: str
) -> None:
    result = run(*arguments, stdin=stdin)

    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert (result.stdout, result.exit_code, server.requests) == ("", 2, [])


@pytest.mark.parametrize("arguments", [("--help",), ("predict", "--help"), ("get", "--help")])
def test_help_explains_the_exit_codes(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert "  5    not finished when the wait ended; it goes on\n" in result.stdout
    assert result.exit_code == 0


def test_the_version_is_printed() -> None:
    result = run("--version")

    assert (result.stdout, result.exit_code) == ("rowcall 0.1.0\n", 0)


def test_a_terminal_gets_colors(server: ScriptedServer, succeeded_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    warning = {"pointer": "/input/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(succeeded_job(warnings=[warning]))

    result = run("predict", "height=210")

    assert "\x1b[33mwarning: \x1b[0m" in result.stderr


def test_no_color_turns_colors_off(
    server: ScriptedServer, succeeded_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    warning = {"pointer": "/input/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(succeeded_job(warnings=[warning]))

    result = run("predict", "height=210")

    assert "\x1b[33m" not in result.stderr


def test_a_terminal_without_the_dash_of_a_range_gets_a_question_mark(
    server: ScriptedServer, model_document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    server.answer({"object": "list", "data": [model_document]})

    finished = subprocess.run([*PYTHON, RUN, "models"], capture_output=True, text=True, check=True, timeout=30)

    assert "height 100?250 cm" in finished.stdout


def test_help_loads_neither_the_http_library_nor_rich() -> None:
    code = "import atexit, sys; atexit.register(lambda: print({'httpx2', 'rich'} & {*sys.modules}));" + RUN

    finished = subprocess.run([*PYTHON, code, "--help"], capture_output=True, text=True, check=True, timeout=30)

    assert finished.stdout.splitlines()[-1] == "set()"


def test_ctrl_c_exits_130_without_a_traceback(server: ScriptedServer) -> None:
    server.released.clear()
    arguments = [*PYTHON, RUN, "predict", "height=181"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert server.asked.wait(timeout=30)

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    server.answer({})

    assert (process.returncode, stdout, stderr) == (130, b"", b"")
