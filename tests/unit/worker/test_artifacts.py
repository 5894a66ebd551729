import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest
import sklearn
from sklearn.dummy import DummyClassifier

from shared.errors import ArtifactUnusable, ChecksumMismatch, LibraryMismatch, ManifestInvalid, ModelMissing
from shared.manifest import Artifact, Libraries
from tests.builders import manifest
from worker.artifacts import find_model_folders, load_artifact


class Trap:
    """Makes a folder when it is unpickled: the proof that code of the artifact ran."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self._marker,)


def good_document() -> bytes:
    buffer = io.BytesIO()
    joblib.dump(DummyClassifier(strategy="uniform").fit([[0], [1]], ["female", "male"]), buffer)
    return buffer.getvalue()


def write_version(
    models_dir: Path, document: bytes, *, name: str = "gender", version: str = "1", scikit_learn: str | None = None
) -> Path:
    """Write a model version whose checksum is right, and return its folder."""
    folder = models_dir / name / version
    folder.mkdir(parents=True)
    (folder / "model.joblib").write_bytes(document)
    manifest(
        name=name,
        version=version,
        artifact=Artifact(
            file="model.joblib", sha256=hashlib.sha256(document).hexdigest(), bytes=max(len(document), 1)
        ),
        libraries=Libraries(python="3.11.7", scikit_learn=scikit_learn or sklearn.__version__, numpy="2.4.6"),
    ).write(folder)
    return folder


def flip_last_bit(path: Path) -> None:
    document = path.read_bytes()
    path.write_bytes(document[:-1] + bytes([document[-1] ^ 1]))


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "code-ran"


@pytest.fixture
def trap(marker: Path) -> bytes:
    # The byte behind the end of a pickle is never read: the trap springs whatever its last bit is.
    return pickle.dumps(Trap(marker)) + b"\0"


def test_a_verified_artifact_is_loaded_with_its_manifest(tmp_path: Path) -> None:
    folder = write_version(tmp_path, good_document())

    found, estimator = load_artifact(folder)

    assert found.key == "gender/1"
    assert estimator.classes_.tolist() == ["female", "male"]


def test_an_artifact_with_the_right_checksum_may_run_code(tmp_path: Path, trap: bytes, marker: Path) -> None:
    load_artifact(write_version(tmp_path, trap))

    assert marker.exists()


def test_an_artifact_with_one_flipped_bit_is_refused_before_it_can_run_code(
    tmp_path: Path, trap: bytes, marker: Path
) -> None:
    folder = write_version(tmp_path, trap)
    flip_last_bit(folder / "model.joblib")

    with pytest.raises(ChecksumMismatch, match=r"model\.joblib is not the file that its manifest describes"):
        load_artifact(folder)

    assert not marker.exists()


def test_a_file_that_is_swapped_after_the_check_is_not_the_one_that_is_loaded(
    tmp_path: Path, trap: bytes, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_version(tmp_path, good_document())
    load = joblib.load

    def swap_and_load(file: Any) -> Any:
        (folder / "model.joblib").write_bytes(trap)
        return load(file)

    monkeypatch.setattr("worker.artifacts.joblib.load", swap_and_load)

    _, estimator = load_artifact(folder)

    assert isinstance(estimator, DummyClassifier)
    assert not marker.exists()


def test_an_artifact_of_another_scikit_learn_is_refused_before_it_can_run_code(
    tmp_path: Path, trap: bytes, marker: Path
) -> None:
    folder = write_version(tmp_path, trap, scikit_learn="1.2.3")

    with pytest.raises(LibraryMismatch, match=r"install scikit-learn==1\.2\.3, or train it again"):
        load_artifact(folder)

    assert not marker.exists()


def test_a_manifest_that_poses_as_another_is_refused_before_any_code_runs(
    tmp_path: Path, trap: bytes, marker: Path
) -> None:
    folder = write_version(tmp_path, trap)
    posing = folder.rename(tmp_path / "gender" / "2")

    with pytest.raises(ManifestInvalid):
        load_artifact(posing)

    assert not marker.exists()


def test_an_estimator_that_another_scikit_learn_wrote_is_refused_whatever_its_manifest_says(tmp_path: Path) -> None:
    older = good_document().replace(sklearn.__version__.encode(), b"1.2.3")
    folder = write_version(tmp_path, older)

    with pytest.raises(ArtifactUnusable, match="gender/1 cannot be loaded: InconsistentVersionWarning"):
        load_artifact(folder)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no pickle", id="text"),
        pytest.param(good_document()[:-9], id="cut off"),
        pytest.param(b"cno_such_module\nThing\n.", id="class that is not installed"),
    ],
)
def test_garbage_with_the_right_checksum_is_unusable(tmp_path: Path, document: bytes) -> None:
    with pytest.raises(ArtifactUnusable, match="gender/1 cannot be loaded: "):
        load_artifact(write_version(tmp_path, document))


@pytest.mark.parametrize("file", ["manifest.json", "model.joblib"])
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    folder = write_version(tmp_path, good_document())
    (folder / file).unlink()

    with pytest.raises(ModelMissing, match=f"gender/1/{file}: No such file"):
        load_artifact(folder)


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """gender in versions 1, 9 and 10, churn in version 2."""
    for name, version in [("gender", "9"), ("gender", "10"), ("gender", "1"), ("churn", "2")]:
        write_version(tmp_path, b"x", name=name, version=version)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        pytest.param([], ["churn/2", "gender/10"], id="newest of each"),
        pytest.param(["gender"], ["gender/10"], id="newest of one"),
        pytest.param(["gender/9"], ["gender/9"], id="a version"),
        pytest.param(["gender/1", "churn"], ["gender/1", "churn/2"], id="in the order asked for"),
    ],
)
def test_the_wanted_versions_are_found(models_dir: Path, names: list[str], folders: list[str]) -> None:
    assert find_model_folders(models_dir, names) == [models_dir / folder for folder in folders]


@pytest.mark.parametrize("name", ["nobody", "gender/2", "nobody/1"])
def test_a_model_that_does_not_exist_is_named(models_dir: Path, name: str) -> None:
    with pytest.raises(ModelMissing, match=f"{name} does not exist"):
        find_model_folders(models_dir, [name])


@pytest.mark.parametrize("path", ["", "nowhere"], ids=["empty folder", "no folder"])
def test_a_folder_without_models_says_what_to_do(tmp_path: Path, path: str) -> None:
    with pytest.raises(ModelMissing, match="holds no model; run `make train`, or set ROWCALL_MODELS_DIR"):
        find_model_folders(tmp_path / path, [])


@pytest.mark.parametrize("name", [".publishing-x", "README.md", "lost+found"])
def test_what_is_no_model_in_the_models_folder_is_left_alone(models_dir: Path, name: str) -> None:
    (models_dir / name).mkdir()

    assert find_model_folders(models_dir, []) == [models_dir / "churn" / "2", models_dir / "gender" / "10"]
