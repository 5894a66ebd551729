"""The command on terminals with colors, without them, and with few characters."""

import subprocess

import pytest

from tests.unit.client.cli.conftest import PYTHON, RUN, Document, Make, run
from tests.unit.client.scripted_server import ScriptedServer


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
