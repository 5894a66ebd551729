"""Are the results of a file right, every row?"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

from benchmarks.chaos.files import find_problem
from benchmarks.direct import append_answers
from benchmarks.people_file import write_people_file

ROWS = 50


@pytest.fixture(scope="module")
def estimator(root: Path) -> Any:
    return joblib.load(root / "models" / "gender" / "1" / "model.joblib")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_people_file(tmp_path / "people.csv", ROWS, seed=1).path


@pytest.fixture
def lines(source: Path, estimator: Any, tmp_path: Path) -> list[bytes]:
    target = tmp_path / "results.csv"
    append_answers(estimator, source, target, start=0, stop=source.stat().st_size)
    return target.read_bytes().splitlines(keepends=True)


def test_results_that_are_the_models_own_have_no_problem(source: Path, lines: list[bytes], estimator: Any) -> None:
    assert find_problem(source, b"".join(lines), estimator) is None


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def _put_off(lines: list[bytes]) -> list[bytes]:
    cells = lines[7].split(b",")
    cells[-5] = repr(float(cells[-5]) * (1 + 1e-15)).encode()
    return [*lines[:7], b",".join(cells), *lines[8:]]


def _turn(lines: list[bytes]) -> list[bytes]:
    other = {b"female": b"male", b"male": b"female"}
    cells = lines[7].split(b",")
    cells[-6] = other[cells[-6]]
    return [*lines[:7], b",".join(cells), *lines[8:]]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda lines: lines[:-1], "49 rows came back of 50"),
        (lambda lines: [*lines, lines[-1]], "51 rows came back of 50"),
        (_swap, "the column id is another"),
        (_put_off, "the probability of female is another in 1 rows, such as row 7"),
        (_turn, "a prediction is another"),
    ],
    ids=["a row is missing", "a row came twice", "rows changed places", "the last bit", "another class"],
)
def test_one_bad_row_is_found(
    source: Path,
    lines: list[bytes],
    estimator: Any,
    spoil: Callable[[list[bytes]], list[bytes]],
    problem: str,
) -> None:
    assert find_problem(source, b"".join(spoil(lines)), estimator) == problem
