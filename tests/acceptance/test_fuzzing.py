"""Schemathesis: what the OpenAPI document promises is what the stack does."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    """A stack of the default model alone: its document says exactly what fits it."""
    settings = Settings(
        port=free_port(), data_dir=tmp_path_factory.mktemp("data"), models_dir=root / "models", workers=1
    )
    with running_stack(settings) as stack:
        yield stack


def run_schemathesis(stack: Stack, folder: Path, *, examples: int, phases: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIGURATION)),
        *("run", f"{stack.url}/openapi.json"),
        *("--phases", phases, "--max-examples", str(examples), "--no-color"),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500, check=False)


def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path) -> None:
    done = run_schemathesis(stack, tmp_path, examples=15, phases="examples,coverage,fuzzing")

    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.timeout(600)
def test_schemathesis_finds_nothing_in_a_long_search(stack: Stack, tmp_path: Path) -> None:
    done = run_schemathesis(stack, tmp_path, examples=300, phases="examples,coverage,fuzzing,stateful")

    assert done.returncode == 0, done.stdout
