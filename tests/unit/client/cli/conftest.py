"""The command, run within the test or in a process of its own."""

import sys
from collections.abc import Callable
from typing import Any

from typer.testing import CliRunner, Result

from rowcall_client.cli import app

Document = dict[str, Any]
Make = Callable[..., Document]

UNUSED_URL = "http://127.0.0.1:9"
PYTHON = [sys.executable, "-c"]
RUN = "from rowcall_client.cli import main; main()"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=stdin, prog_name="rowcall")
