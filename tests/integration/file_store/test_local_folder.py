"""What only a FileStore in a local folder does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import FileStoreFull, FileStoreUnavailable
from shared.file_store import FileStore, FileWriter, LocalFileStore
from tests.integration.file_store.conftest import KEY, content, local_place, run_child, write


def test_a_device_without_room_is_a_full_store() -> None:
    with Path("/dev/full").open("wb", buffering=0) as file, pytest.raises(FileStoreFull, match="no room left"):
        FileWriter(file, KEY).write(b"x")


def test_files_on_a_disk_are_for_their_owner_only(local: LocalFileStore, tmp_path: Path) -> None:
    write(local, b"x")

    path = tmp_path / "files" / KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in list(path.parents)[:3]} == {0o700}


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda files: write(files, b"x", "out/file"), id="write"),
        pytest.param(lambda files: content(files, "out/file"), id="read"),
        pytest.param(lambda files: files.delete_folder("out"), id="delete"),
    ],
)
def test_a_link_that_leads_out_of_the_store_is_refused(
    local: LocalFileStore, tmp_path: Path, use: Callable[[FileStore], object]
) -> None:
    write(local, b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"secret")
    (tmp_path / "files/out").symlink_to(outside)

    with pytest.raises(ValueError, match="leads out"):
        use(local)

    assert (outside / "file").read_bytes() == b"secret"


def test_a_store_whose_folder_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "files").write_bytes(b"a file where the folder should be")

    with pytest.raises(FileStoreUnavailable, match="check its mount"):
        write(LocalFileStore(tmp_path / "files"), b"x")


def test_a_store_on_a_disk_does_not_load_boto3(tmp_path: Path) -> None:
    place = local_place(tmp_path)

    said, _ = run_child("print('boto3' in sys.modules)", place).communicate()

    assert said == "False\n"
