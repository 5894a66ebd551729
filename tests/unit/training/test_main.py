from pathlib import Path

import pytest

from shared.manifest import ModelManifest
from training import __main__ as command
from training.evaluate import BARS, EVALUATION_SEED
from training.pipeline import DEFAULT_SEED


def test_the_command_trains_prints_its_figures_and_publishes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command.main(["--models-dir", str(tmp_path)])

    manifest = ModelManifest.read(tmp_path / "gender" / "1")
    printed = capsys.readouterr().out
    assert status == 0
    assert manifest.artifact.sha256 in printed
    assert "190 cm, 70 kg, EU 43: male, probability 0.98" in printed
    assert (manifest.training["seed"], manifest.training["evaluation_seed"]) == (DEFAULT_SEED, EVALUATION_SEED)


def test_a_model_that_misses_a_bar_is_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BARS, "roc_auc", (0.99, 1.0))

    status = command.main(["--models-dir", str(tmp_path)])

    assert status == 1
    assert "missed the bar for roc_auc" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_seed_that_is_no_number_is_refused() -> None:
    with pytest.raises(SystemExit):
        command.main(["--seed", "lucky"])
