"""The snippets of a document, and what they print: a block of Python, and a block of text behind it."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SNIPPET = re.compile(
    r"^## (?P<title>.+)\n(?:(?!## |```).*\n)*"
    r"```python\n(?P<code>(?:.*\n)*?)```\n```text\n(?P<output>(?:.*\n)*?)```\n",
    re.MULTILINE,
)
#: Where the snippets say that the server is.
WRITTEN_PORT = "8000"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program of a document."""

    title: str
    code: str
    output: str

    def run(self, python: Path, *, port: int, key: str = "") -> str:
        """Return what it prints with this interpreter, against a server on this port that lets this key in."""
        command = [str(python), "-c", self.code.replace(WRITTEN_PORT, str(port))]
        environment = os.environ | {"ROWCALL_API_KEY": key}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


def read_snippets(document: Path) -> dict[str, Snippet]:
    """Return the snippets by the beginning of their headings."""
    found = (Snippet(**match.groupdict()) for match in _SNIPPET.finditer(document.read_text()))
    return {snippet.title.split(":")[0]: snippet for snippet in found}
