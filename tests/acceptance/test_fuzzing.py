"""Schemathesis: what the OpenAPI document promises is what the stack does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.callers import Scope
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key
from tests.acceptance.schemathesis_hooks import OWN_KEY_ID

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
HOOKS = Path(__file__).parent / "schemathesis_hooks.py"
LONGEST_SECONDS = 3600


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    """A stack of the default model alone, which asks for keys: its document says exactly what fits it."""
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=root / "models",
        workers=1,
        require_keys=True,
    )
    with running_stack(settings) as stack:
        yield stack


def run_schemathesis(stack: Stack, folder: Path, *, examples: int, phases: str) -> subprocess.CompletedProcess[str]:
    key = make_key(stack, *(f"--scope={scope}" for scope in Scope))
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIGURATION)),
        *("run", f"{stack.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}"),
        *("--phases", phases, "--max-examples", str(examples), "--no-color"),
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS), OWN_KEY_ID: key.split("_")[1]}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )


def test_schemathesis_finds_nothing(stack: Stack, tmp_path: Path) -> None:
    done = run_schemathesis(stack, tmp_path, examples=15, phases="examples,coverage,fuzzing")

    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.timeout(LONGEST_SECONDS + 60)
def test_schemathesis_finds_nothing_in_a_long_search(stack: Stack, tmp_path: Path) -> None:
    done = run_schemathesis(stack, tmp_path, examples=500, phases="examples,coverage,fuzzing,stateful")

    assert done.returncode == 0, done.stdout
