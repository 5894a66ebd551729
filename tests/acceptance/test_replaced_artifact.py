"""An artifact that is replaced under a version: who has loaded it goes on with it, and nobody loads the other one."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.jobs import JobStatus
from shared.settings import Settings
from tests.acceptance.test_refusal import LeavesAMark
from tests.worker_process import Line, running_worker


@pytest.fixture
def settings(settings: Settings, models_dir: Path, tmp_path: Path) -> Settings:
    """A deployment with a copy of the models, because one is about to change."""
    shutil.copytree(models_dir, tmp_path / "models")
    return settings.model_copy(update={"models_dir": tmp_path / "models", "models": ("moody",)})


def test_a_worker_goes_on_with_what_it_has_verified_and_a_new_one_refuses_to_start(
    settings: Settings, tmp_path: Path, root: Path
) -> None:
    line = Line(settings)
    with running_worker(settings, tmp_path / "worker") as worker:
        (settings.models_dir / "moody" / "1" / "model.joblib").write_bytes(pickle.dumps(LeavesAMark(tmp_path / "mark")))

        line.send("moody", {"prd_after": [[1.0]]})
        job = line.wait_for("prd_after", JobStatus.SUCCEEDED)
        refused = subprocess.run(
            [sys.executable, "-m", "worker"],
            cwd=root,
            env=os.environ | settings.to_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert worker.poll() is None
    assert job.outcome is not None
    assert job.outcome.predictions == [{"prediction": "calm", "probabilities": {"calm": 0.75, "wild": 0.25}}]
    assert refused.returncode == os.EX_CONFIG
    assert "is not the file that its manifest describes" in refused.stderr or "has more than the" in refused.stderr
    assert not (tmp_path / "mark").exists()
