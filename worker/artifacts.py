"""Fetch an artifact, verify its checksum against the manifest, and only then load it."""

import hashlib
import io
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from shared.errors import ArtifactUnusable, ChecksumMismatch, LibraryMismatch, ModelMissing
from shared.manifest import MANIFEST_FILE, NAME_PATTERN, VERSION_PATTERN, ModelManifest, version_order
from shared.model_files import ModelFileTooLong, read_model_file

_MODEL_KEY = re.compile(f"^{NAME_PATTERN}(/{VERSION_PATTERN})?$")


def load_artifact(folder: Path) -> tuple[ModelManifest, Any]:
    """Return the manifest and the estimator of `models/<name>/<version>`.

    The bytes are read once; what was verified is what is loaded. Raises ModelMissing, ManifestInvalid,
    LibraryMismatch, ChecksumMismatch (all of these before anything is unpickled) or ArtifactUnusable.
    """
    manifest = ModelManifest.read(folder)
    if manifest.libraries.scikit_learn != sklearn.__version__:
        raise LibraryMismatch(
            f"{manifest.key} was written by scikit-learn {manifest.libraries.scikit_learn}, this worker has "
            f"{sklearn.__version__}: install scikit-learn=={manifest.libraries.scikit_learn}, or train it again"
        )
    document = _read_verified(folder / manifest.artifact.file, manifest)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return manifest, joblib.load(io.BytesIO(document))
    except Exception as error:
        # Loading runs code of the model, so anything may come out of it.
        raise ArtifactUnusable(f"{manifest.key} cannot be loaded: {type(error).__name__}: {error}") from error


def _read_verified(path: Path, manifest: ModelManifest) -> bytes:
    said = manifest.artifact.bytes
    try:
        document = read_model_file(path, most_bytes=said)
    except ModelFileTooLong:
        raise ChecksumMismatch(
            f"{path} has more than the {said} bytes that its manifest says; nothing was loaded. Restore it or publish "
            "the model again"
        ) from None
    except MemoryError:
        raise ArtifactUnusable(f"{path} has up to {said} bytes, and this worker has no memory for them") from None
    found = hashlib.sha256(document).hexdigest()
    if found != manifest.artifact.sha256:
        raise ChecksumMismatch(
            f"{path} is not the file that its manifest describes (SHA-256 {found[:12]}…, expected "
            f"{manifest.artifact.sha256[:12]}…); nothing was loaded. Restore it or publish the model again"
        )
    return document


def find_model_folders(models_dir: Path, names: Iterable[str]) -> list[Path]:
    """Return the folders to load: for each `name` its newest version, for each `name/version` just that.

    Without names: the newest version of each model in `models_dir`. Raises ModelMissing.
    """
    wanted = list(names) or sorted({path.parts[-3] for path in models_dir.glob(f"[!.]*/*/{MANIFEST_FILE}")})
    if not wanted:
        raise ModelMissing(f"{models_dir} holds no model; run `make train`, or set ROWCALL_MODELS_DIR")
    return [_find_model_folder(models_dir, name) for name in wanted]


def _find_model_folder(models_dir: Path, wanted: str) -> Path:
    if not _MODEL_KEY.match(wanted):
        # The name may come out of a message: it must not lead to a file elsewhere.
        raise ModelMissing(f"{wanted[:140]!r} is not the name of a model, nor name/version")
    name, _, version = wanted.partition("/")
    versions = [version] if version else _versions(models_dir / name)
    if not versions or not (models_dir / name / versions[-1]).is_dir():
        raise ModelMissing(f"{models_dir / wanted} does not exist")
    return models_dir / name / versions[-1]


def _versions(folder: Path) -> list[str]:
    """A folder without its manifest is not published yet."""
    return sorted((path.parent.name for path in folder.glob(f"*/{MANIFEST_FILE}")), key=version_order)
