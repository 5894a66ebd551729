"""The command `rowcall models`: what is served, and a command to try."""

from tests.unit.client.cli.conftest import Document, run
from tests.unit.client.scripted_server import ScriptedServer


def test_brackets_in_the_classes_of_a_model_are_printed_too(server: ScriptedServer, model_document: Document) -> None:
    server.answer({"object": "list", "data": [model_document | {"classes": ["[bold]x", "y"]}]})

    result = run("models")

    assert "[bold]x, y" in result.stdout


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
