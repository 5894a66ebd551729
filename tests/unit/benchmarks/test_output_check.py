"""A wrong output never counts."""

from pathlib import Path

import joblib
import pytest

from benchmarks.direct import append_answers, find_middle
from benchmarks.output_check import OutputCheck
from benchmarks.people_file import PeopleFile, write_people_file
from benchmarks.warm_process import ROOT, MeasurementFailed

ESTIMATOR = joblib.load(ROOT / "models" / "gender" / "1" / "model.joblib")


@pytest.fixture
def people(tmp_path: Path) -> PeopleFile:
    return write_people_file(tmp_path / "people.csv", 300, seed=1)


@pytest.fixture
def check(people: PeopleFile) -> OutputCheck:
    return OutputCheck(people.path, people.rows, ESTIMATOR)


@pytest.fixture
def result(people: PeopleFile, tmp_path: Path) -> Path:
    target = tmp_path / "result.csv"
    append_answers(ESTIMATOR, people.path, target, start=0, stop=people.path.stat().st_size)
    return target


def test_what_the_limit_writes_is_right(check: OutputCheck, result: Path) -> None:
    check.require_right(result, is_verbatim=True)


def test_two_halves_are_the_whole(people: PeopleFile, result: Path, tmp_path: Path) -> None:
    middle, size = find_middle(people.path), people.path.stat().st_size
    halves = [tmp_path / "first.csv", tmp_path / "second.csv"]

    append_answers(ESTIMATOR, people.path, halves[0], start=0, stop=middle)
    append_answers(ESTIMATOR, people.path, halves[1], start=middle, stop=size)

    assert b"".join(half.read_bytes() for half in halves).count(b"\n") == result.read_bytes().count(b"\n")
    assert halves[1].read_bytes() == result.read_bytes()[-halves[1].stat().st_size :]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        pytest.param(b"\n300,", b"\n301,", "its own bytes", id="another row"),
        pytest.param(b"male,0.", b"male,1.", "the probabilities", id="another probability"),
        pytest.param(b"female,0.", b"male,0.", "the prediction", id="another prediction"),
        pytest.param(b",ok,,", b",error,,", "the prediction", id="an error that is none"),
        pytest.param(b"\n300,", b" ", "299 rows came back of 300", id="a row less"),
    ],
)
def test_a_wrong_output_is_refused(check: OutputCheck, result: Path, old: bytes, new: bytes, complaint: str) -> None:
    assert old in result.read_bytes()
    result.write_bytes(result.read_bytes().replace(old, new))

    with pytest.raises(MeasurementFailed, match=complaint):
        check.require_right(result, is_verbatim=True)
