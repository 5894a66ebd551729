"""The command `rowcall predict`: what it asks the server, and how it prints the answer."""

from pathlib import Path

import pytest

from tests.unit.client.cli.conftest import Make, run
from tests.unit.client.scripted_server import ScriptedServer


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


@pytest.mark.parametrize("command", ["predict", "submit"])
def test_how_long_a_job_is_kept_and_texts_of_yours_are_passed_on(
    server: ScriptedServer, succeeded_job: Make, command: str
) -> None:
    server.answer(succeeded_job())

    run(command, "height=181", "--retain-for", "90s", "--metadata", "order=4711", "--metadata", "by=Ada = me")

    (request,) = server.requests
    assert request.body == {
        "input": {"height": 181},
        "retain_for": "90s",
        "metadata": {"order": "4711", "by": "Ada = me"},
    }


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


def test_warnings_go_to_stderr_with_the_row_they_are_about(server: ScriptedServer, succeeded_job: Make) -> None:
    warning = {"pointer": "/input/1/height", "code": "untypical", "detail": "210 is rare."}
    server.answer(succeeded_job(warnings=[warning]))

    result = run("predict", "height=210")

    assert result.stderr == "warning: row 2, height: 210 is rare.\n"
    assert result.exit_code == 0
