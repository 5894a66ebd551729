"""What docs/explanation/security.md names as its proof exists, and nothing is claimed without one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/explanation/security.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
NAMED = sorted(set(TEST.findall(PAGE)))
#: Each part of the page by its heading.
PARTS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
#: First words of the names of packages that make or send traces.
TRACERS = (
    "aws-xray",
    "ddtrace",
    "elastic-apm",
    "jaeger",
    "newrelic",
    "opentelemetry",
    "opentracing",
    "sentry",
    "zipkin",
)


def names_of_tests(file: Path) -> Iterator[str]:
    return (node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    assert (ROOT / file).is_file()
    assert name in {"", *names_of_tests(ROOT / file)}


def test_every_part_names_a_test() -> None:
    assert len(PARTS) >= 20
    assert [heading for heading, text in PARTS.items() if not TEST.search(text)] == []


def test_nothing_that_looks_like_a_test_is_overlooked() -> None:
    assert len(re.findall(r"tests/[\w/]+\.py", PAGE)) == len(TEST.findall(PAGE))


@pytest.mark.parametrize("purpose", ["api", "worker", "standalone"])
def test_nothing_that_traces_is_part_of_an_image(purpose: str) -> None:
    locked = re.findall(r"^([a-z0-9.-]+)==", (ROOT / f"requirements/{purpose}.txt").read_text(), re.MULTILINE)

    assert len(locked) > 10
    assert [name for name in locked if name.startswith(TRACERS)] == []
