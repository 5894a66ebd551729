"""Turn a fitted scikit-learn estimator into a model version: a folder with an artifact and its manifest.

This is also the way to publish a model of your own; nothing here knows the default model.
"""

import hashlib
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import sklearn
from pydantic import ValidationError
from sklearn.base import BaseEstimator

from shared.errors import ManifestInvalid, VersionTaken
from shared.feature_schema import FeatureSchema
from shared.manifest import MANIFEST_FILE, Artifact, Feature, Libraries, ModelManifest
from training.estimator_checks import check_can_predict, check_features_fit, encode_artifact, resolve_classes

ARTIFACT_FILE = "model.joblib"


def publish_model(  # noqa: PLR0913 - one keyword for each thing a manifest says
    estimator: BaseEstimator,
    *,
    name: str,
    version: str,
    features: Sequence[Feature],
    models_dir: Path | str,
    classes: Sequence[str] | None = None,
    metrics: Mapping[str, float] | None = None,
    training: Mapping[str, str | int | float] | None = None,
    description: str = "",
    replace: bool = False,
) -> ModelManifest:
    """Write `models_dir/name/version/` with model.joblib and manifest.json, and return the manifest.

    estimator: any fitted scikit-learn estimator with `predict`, best made of scikit-learn and numpy classes only.
    features: one for each column it was fitted to, in that order.
    classes: labels in the order of `predict_proba`; by default the estimator's own, None for a regressor.
    replace: overwrite a version with another content. A version never changes once it is served.

    Publishing the same again changes nothing. Raises ArtifactUnusable (not fitted, cannot be stored),
    ManifestInvalid (a field that is wrong or contradicts the estimator) and VersionTaken.
    """
    check_can_predict(estimator)
    check_features_fit(estimator, features)
    labels = resolve_classes(estimator, classes)
    document = encode_artifact(estimator)
    manifest = _manifest_for(
        document,
        name=name,
        version=version,
        description=description,
        features=tuple(features),
        classes=labels,
        metrics=dict(metrics or {}),
        training=dict(training or {}),
    )
    FeatureSchema(manifest).require_example()
    folder = Path(models_dir) / name / version
    if not replace:
        _check_version_is_free(folder, manifest)
    _write(folder, document, manifest)
    return manifest


def _manifest_for(document: bytes, **fields: object) -> ModelManifest:
    """Return the manifest of an artifact; raises ManifestInvalid, naming the first bad field."""
    own = {
        "manifest_version": 1,
        "artifact": Artifact(file=ARTIFACT_FILE, sha256=hashlib.sha256(document).hexdigest(), bytes=len(document)),
        "libraries": Libraries(
            python=platform.python_version(), scikit_learn=sklearn.__version__, numpy=np.__version__
        ),
    }
    try:
        return ModelManifest.model_validate(own | fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise ManifestInvalid(
            f"{'.'.join(map(str, first['loc'])) or 'manifest'}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def _check_version_is_free(folder: Path, manifest: ModelManifest) -> None:
    if not (folder / MANIFEST_FILE).exists():
        return
    published = ModelManifest.read(folder)
    if published != manifest:
        what = "manifest" if published.artifact == manifest.artifact else "artifact"
        raise VersionTaken(f"{manifest.key} is already published with another {what}: choose a new version")


def _write(folder: Path, document: bytes, manifest: ModelManifest) -> None:
    """Put both files in place whole, the manifest last: a reader sees no version before it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    # Beside the model folders, so that a rename stays on one file system and nobody takes it for a version.
    with tempfile.TemporaryDirectory(prefix=".publishing-", dir=folder.parent.parent) as staging:
        manifest.write(Path(staging))
        (Path(staging) / ARTIFACT_FILE).write_bytes(document)
        for file in (ARTIFACT_FILE, MANIFEST_FILE):
            (Path(staging) / file).replace(folder / file)
