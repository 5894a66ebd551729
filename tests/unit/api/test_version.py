"""The release that the API names is the one that the project and the client name."""

import tomllib
from pathlib import Path

from api.version import VERSION
from rowcall_client import __version__


def test_api_project_and_client_are_of_one_release(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]

    assert VERSION == project["version"] == __version__
