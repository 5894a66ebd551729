"""What every FileStore must do with a folder that is deleted: all of it goes, and nothing else."""

import time
from pathlib import Path

import pytest

from tests.integration.file_store.conftest import KEY, Place, local_place, run_child, write


def test_a_folder_is_deleted_with_its_more_than_a_thousand_files_and_no_other(place: Place) -> None:
    place.fill([f"batches/bat_a/parts/{number}" for number in range(1100)])
    place.fill(["batches/bat_a/input.csv", "batches/bat_ab/input.csv", "batches/bat_b/input.csv"])

    place.files.delete_folder("batches/bat_a")

    assert place.everything() == ["batches/bat_ab/input.csv", "batches/bat_b/input.csv"]


def test_deleting_a_folder_again_changes_nothing(place: Place) -> None:
    write(place.files, b"other", "batches/bat_b/input.csv")

    place.files.delete_folder("batches/bat_a")
    place.files.delete_folder("batches/bat_a")

    assert place.everything() == ["batches/bat_b/input.csv"]


def test_the_folders_right_below_another_are_listed(place: Place) -> None:
    place.fill(["batches/bat_a/input.csv", "batches/bat_a/parts/1/results.csv", "batches/bat_ab/input.csv"])
    place.fill(["other/bat_c/input.csv", "batchesbat_d/input.csv"])

    assert sorted(place.files.folders("batches")) == ["batches/bat_a", "batches/bat_ab"]


def test_a_folder_that_does_not_exist_has_none_below_it_and_was_never_changed(place: Place) -> None:
    assert list(place.files.folders("batches")) == []
    assert place.files.changed_at("batches/bat_a") == 0


def test_a_folder_was_changed_when_a_file_in_it_was_written(place: Place) -> None:
    place.fill(["batches/bat_a/parts/1/results.csv"])

    assert place.files.changed_at("batches/bat_a") == pytest.approx(time.time(), abs=60)


def test_what_a_killed_writer_leaves_on_a_disk_is_deleted_with_its_folder(tmp_path: Path) -> None:
    place = local_place(tmp_path / "files")
    program = f"""
with files.open_writer({KEY!r}) as writer:
    writer.write(b"x" * 5_000_000)
    import os, signal
    os.kill(os.getpid(), signal.SIGKILL)
"""
    run_child(program, place).communicate()
    before = place.everything()

    place.files.delete_folder("batches/bat_a")

    assert len(before) == 1
    assert list((tmp_path / "files/batches").iterdir()) == []
