"""The command line itself: what is wrong with it, its help, and Ctrl-C."""

import os
import signal
import subprocess

import pytest

from tests.unit.client.cli.conftest import PYTHON, RUN, run
from tests.unit.client.scripted_server import ScriptedServer


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("predict",), None, "nothing to predict"),
        (("predict", "height"), None, "'height' is not FEATURE=VALUE"),
        (("predict", "=181"), None, "'=181' is not FEATURE=VALUE"),
        (("predict", "height=1", "height=2"), None, "the feature 'height' is given twice"),
        (("predict", "height=1", "--metadata", "order"), None, "'order' is not NAME=TEXT, such as order=4711"),
        (("submit", "height=1", "--metadata", "a=1", "--metadata", "a=2"), None, "'a' is given twice"),
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
