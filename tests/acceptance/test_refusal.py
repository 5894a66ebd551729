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
    change_manifest(
        folder, artifact={"file": "model.joblib", "sha256": hashlib.sha256(artifact).hexdigest(), "bytes": 1}
    )
    return tmp_path / "models"


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


def run_worker(root: Path, models_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ROWCALL_MODELS_DIR": str(models_dir), "ROWCALL_REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, "-m", "worker"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(flip_a_byte, "is not the file that its manifest describes", id="a flipped byte"),
        pytest.param(claim_another_scikit_learn, "install scikit-learn==1.2.3", id="another scikit-learn"),
        pytest.param(remove_the_artifact, "model.joblib: No such file or directory", id="no artifact"),
        pytest.param(remove_the_model, "holds no model", id="no model"),
        pytest.param(spoil_the_manifest, "features: Tuple should have at least 1 item", id="a bad manifest"),
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
