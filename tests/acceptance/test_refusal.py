"""A worker that cannot serve its model refuses to start, and says why in one line."""

import hashlib
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class LeavesAMark:
    """Unpickling it creates a file: the proof that something was unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def models_dir(tmp_path: Path, root: Path) -> Path:
    """A model whose artifact leaves a mark when it is unpickled."""
    folder = tmp_path / "models" / "gender" / "1"
    shutil.copytree(root / "models" / "gender" / "1", folder)
    artifact = pickle.dumps(LeavesAMark(tmp_path / "mark"))
    (folder / "model.joblib").write_bytes(artifact)
    change_manifest(folder, artifact=describe(artifact))
    return tmp_path / "models"


def describe(artifact: bytes) -> dict[str, Any]:
    return {"file": "model.joblib", "sha256": hashlib.sha256(artifact).hexdigest(), "bytes": len(artifact)}


def change_manifest(folder: Path, **fields: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def flip_a_byte(folder: Path) -> None:
    document = bytearray((folder / "model.joblib").read_bytes())
    document[-2] ^= 1
    (folder / "model.joblib").write_bytes(document)


def claim_another_scikit_learn(folder: Path) -> None:
    change_manifest(folder, libraries={"python": "3.11.7", "scikit_learn": "1.2.3", "numpy": "1.26.0"})


def remove_the_artifact(folder: Path) -> None:
    (folder / "model.joblib").unlink()


def remove_the_model(folder: Path) -> None:
    shutil.rmtree(folder.parent)


def spoil_the_manifest(folder: Path) -> None:
    change_manifest(folder, features=[])


def write_the_checksum_in_capitals(folder: Path) -> None:
    described = describe((folder / "model.joblib").read_bytes())
    change_manifest(folder, artifact=described | {"sha256": described["sha256"].upper()})


def pad_the_checksum(folder: Path) -> None:
    described = describe((folder / "model.joblib").read_bytes())
    change_manifest(folder, artifact=described | {"sha256": described["sha256"] + "\n"})


def move_elsewhere(path: Path) -> None:
    """Leave a link in its place that leads out of the models folder."""
    elsewhere = path.parents[3] / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def move_the_artifact_elsewhere(folder: Path) -> None:
    move_elsewhere(folder / "model.joblib")


def move_the_manifest_elsewhere(folder: Path) -> None:
    move_elsewhere(folder / "manifest.json")


def move_the_version_elsewhere(folder: Path) -> None:
    elsewhere = folder.parents[2] / "elsewhere"
    shutil.move(folder, elsewhere)
    folder.symlink_to(elsewhere)


def link_the_artifact_to_itself(folder: Path) -> None:
    (folder / "model.joblib").unlink()
    (folder / "model.joblib").symlink_to(folder / "model.joblib")


def put_a_fifo_in_the_place_of_the_artifact(folder: Path) -> None:
    (folder / "model.joblib").unlink()
    os.mkfifo(folder / "model.joblib")


def put_a_fifo_in_the_place_of_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def put_a_folder_in_the_place_of_the_artifact(folder: Path) -> None:
    (folder / "model.joblib").unlink()
    (folder / "model.joblib").mkdir()


def append_to_the_artifact(folder: Path) -> None:
    """Make it longer than any memory; most of it is a hole."""
    os.truncate(folder / "model.joblib", 1 << 40)


def announce_more_than_there_is_memory(folder: Path) -> None:
    append_to_the_artifact(folder)
    change_manifest(folder, artifact=describe(b"") | {"bytes": 1 << 40})


def run_worker(root: Path, models_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ROWCALL_MODELS_DIR": str(models_dir), "ROWCALL_REDIS_URL": "redis://127.0.0.1:1/0"}
    # With a bound on its memory, because some systems promise more than there is.
    command = ["prlimit", f"--as={16 << 30}", sys.executable, "-m", "worker"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(flip_a_byte, "is not the file that its manifest describes", id="a flipped byte"),
        pytest.param(claim_another_scikit_learn, "install scikit-learn==1.2.3", id="another scikit-learn"),
        pytest.param(remove_the_artifact, "model.joblib: No such file or directory", id="no artifact"),
        pytest.param(remove_the_model, "holds no model", id="no model"),
        pytest.param(spoil_the_manifest, "features: Tuple should have at least 1 item", id="a bad manifest"),
        pytest.param(
            write_the_checksum_in_capitals, "artifact.sha256: String should match", id="a checksum in capitals"
        ),
        pytest.param(pad_the_checksum, "artifact.sha256: String should match", id="a padded checksum"),
        pytest.param(move_the_artifact_elsewhere, "a link that leads out of", id="an artifact that lies elsewhere"),
        pytest.param(move_the_manifest_elsewhere, "a link that leads out of", id="a manifest that lies elsewhere"),
        pytest.param(move_the_version_elsewhere, "a link that leads out of", id="a version that lies elsewhere"),
        pytest.param(link_the_artifact_to_itself, "Too many levels of symbolic links", id="a link to itself"),
        pytest.param(put_a_fifo_in_the_place_of_the_artifact, "no regular file", id="a FIFO as artifact"),
        pytest.param(put_a_fifo_in_the_place_of_the_manifest, "no regular file", id="a FIFO as manifest"),
        pytest.param(put_a_folder_in_the_place_of_the_artifact, "Is a directory", id="a folder as artifact"),
        pytest.param(append_to_the_artifact, "has more than the", id="a longer artifact"),
        pytest.param(announce_more_than_there_is_memory, "no memory for them", id="more than there is memory"),
    ],
)
def test_a_worker_refuses_a_model_it_cannot_trust(
    root: Path, models_dir: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(models_dir / "gender" / "1")

    done = run_worker(root, models_dir)

    assert done.returncode == os.EX_CONFIG
    assert len(done.stderr.splitlines()) == 1
    assert reason in done.stderr
    assert not (models_dir.parent / "mark").exists()


def test_the_mark_would_show_that_something_was_unpickled(root: Path, models_dir: Path) -> None:
    done = run_worker(root, models_dir)

    assert done.returncode == os.EX_CONFIG
    assert (models_dir.parent / "mark").exists()


def test_a_bad_setting_is_named(root: Path) -> None:
    environment = os.environ | {"ROWCALL_MAX_ATTEMPTS": "none", "ROWCALL_REDIS_URL": "http://127.0.0.1"}
    command = [sys.executable, "-m", "worker"]

    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == os.EX_CONFIG
    assert "ROWCALL_MAX_ATTEMPTS: " in done.stderr
    assert "ROWCALL_REDIS_URL: must start with redis://, rediss:// or unix://" in done.stderr
