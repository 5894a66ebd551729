"""The command with `--json`: the documents of the server, as they are."""

import json

import pytest

from tests.unit.client.cli.conftest import UNUSED_URL, Document, Make, run
from tests.unit.client.scripted_server import ScriptedServer


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
