"""What keeps the code easy to read: sizes, names, and who may know what."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.queues import Lane
from shared.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("api", "worker", "shared", "training", "standalone", "client/src")
LONGEST_FUNCTION_LINES = 50
LONGEST_MODULE_LINES = 400
#: Names that say nothing about what lives in a module.
JUNK_DRAWERS = {"utils", "helpers", "common", "misc", "base", "core", "constants", "manager"}
MODEL_LIBRARIES = {"sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib"}

#: Who may look at the environment, besides pydantic-settings in shared/settings.py and the tests.
READERS_OF_THE_ENVIRONMENT = {
    "standalone/demo.py": "passes the environment on to the client that it starts",
    "standalone/stack.py": "passes the environment on to the processes that it starts",
    "client/src/rowcall_client/cli.py": "is a program of its own, which cannot know the settings of a server",
}
#: Process entries: importing them connects to servers or starts threads.
ENTRIES = {"api.asgi", "api.__main__"}

MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
#: All Python that we write, tests and benchmarks too; what tools make is in folders that begin with a dot.
EVERYTHING = sorted([*ROOT.glob("*.py"), *ROOT.glob("[!.]*/**/*.py")])
each_file = pytest.mark.parametrize("file", EVERYTHING, ids=lambda path: str(path.relative_to(ROOT)))


def functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(module.read_text())
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def reads_environment(module: Path) -> bool:
    names = {"environ", "environb", "getenv"}
    nodes = list(ast.walk(ast.parse(module.read_text())))
    attributes = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"
    }
    imported = {name.name for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    return not names.isdisjoint(attributes | imported)


def dotted_name(module: Path) -> str:
    return ".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@each_module
def test_a_function_fits_in_view(module: Path) -> None:
    too_long = {node.name: lines_of(node) for node in functions(module) if lines_of(node) > LONGEST_FUNCTION_LINES}

    assert too_long == {}


@each_file
def test_a_module_can_be_read_in_one_go(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST_MODULE_LINES


@each_module
def test_a_module_is_no_junk_drawer(module: Path) -> None:
    assert JUNK_DRAWERS.isdisjoint({module.stem, *module.relative_to(ROOT).parent.parts})


@each_module
def test_a_module_says_what_lives_in_it(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_nobody_else_reads_the_environment() -> None:
    readers = {str(module.relative_to(ROOT)) for module in MODULES if reads_environment(module)}

    assert readers == READERS_OF_THE_ENVIRONMENT.keys()


def test_every_queue_is_consumed_by_a_worker_with_default_settings() -> None:
    assert set(Settings().lanes) == set(Lane)


def test_the_api_carries_no_model_code() -> None:
    names = {dotted_name(module) for folder in ("api", "shared") for module in (ROOT / folder).rglob("*.py")} - ENTRIES
    program = f"import json, sys, {', '.join(sorted(names))}; print(json.dumps(list(sys.modules)))"

    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    loaded = set(json.loads(run.stdout))
    assert "api.app" in loaded
    assert MODEL_LIBRARIES & loaded == set()
