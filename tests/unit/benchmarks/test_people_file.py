"""The file that is measured with: its rows, its bad rows, and its seed."""

from pathlib import Path

from benchmarks.output_check import find_features, parse_cells
from benchmarks.people_file import HEADER, copy_head, write_people_file


def test_a_file_has_a_line_for_each_row_and_ids_in_order(tmp_path: Path) -> None:
    people = write_people_file(tmp_path / "people.csv", 1_000, seed=1)

    header, *rows = people.path.read_bytes().splitlines(keepends=True)
    assert header == HEADER
    assert [int(row.split(b",")[0]) for row in rows] == list(range(1, 1_001))


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_people_file(tmp_path / "first.csv", 500, seed=1, bad_ratio=0.1)
    second = write_people_file(tmp_path / "second.csv", 500, seed=1, bad_ratio=0.1)

    assert first.path.read_bytes() == second.path.read_bytes()


def test_no_row_is_bad_unless_asked_for(tmp_path: Path) -> None:
    people = write_people_file(tmp_path / "people.csv", 1_000, seed=1)

    rows = people.path.read_bytes().splitlines()[1:]
    assert None not in [find_features(parse_cells(row)) for row in rows]


def test_bad_rows_are_counted_and_cannot_be_predicted(tmp_path: Path) -> None:
    people = write_people_file(tmp_path / "people.csv", 2_000, seed=1, bad_ratio=0.05)

    rows = people.path.read_bytes().splitlines()[1:]
    assert 50 < people.bad_rows < 150
    assert [find_features(parse_cells(row)) for row in rows].count(None) == people.bad_rows


def test_a_head_has_the_first_rows(tmp_path: Path) -> None:
    people = write_people_file(tmp_path / "people.csv", 100, seed=1)

    head = copy_head(people.path, tmp_path / "head.csv", 10)

    assert head.rows == 10
    assert head.path.read_bytes() == b"".join(people.path.read_bytes().splitlines(keepends=True)[:11])
