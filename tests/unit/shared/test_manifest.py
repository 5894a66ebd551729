import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import ManifestInvalid, ModelMissing
from shared.manifest import MANIFEST_FILE, Feature, Lookalike, ModelManifest, version_order
from tests.builders import HEIGHT, SHOE_SIZE, manifest


def document(**changes: Any) -> str:
    """The manifest of the builders as JSON, with other values for some of its fields."""
    return json.dumps(manifest().model_dump(mode="json") | changes)


def feature_fields(**changes: Any) -> dict[str, Any]:
    return HEIGHT.model_dump(mode="json") | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "gender" / "1"
    folder.mkdir(parents=True)
    return folder


def test_a_written_manifest_is_read_back_as_it_was(folder: Path) -> None:
    written = manifest(
        description="Grüße", metrics={"roc_auc": 0.93}, training={"seed": 7, "source": "survey", "share": 0.5}
    )

    written.write(folder)

    assert ModelManifest.read(folder) == written


def test_the_same_manifest_is_written_as_the_same_bytes(folder: Path) -> None:
    manifest().write(folder)
    first = (folder / MANIFEST_FILE).read_bytes()

    ModelManifest.read(folder).write(folder)

    assert (folder / MANIFEST_FILE).read_bytes() == first


def test_a_manifest_for_a_regressor_has_no_classes(folder: Path) -> None:
    manifest(classes=None).write(folder)

    assert ModelManifest.read(folder).classes is None


def test_the_key_is_name_and_version() -> None:
    assert manifest(name="churn", version="1.2").key == "churn/1.2"


def test_the_example_has_every_feature() -> None:
    assert manifest().example == {"height": 181, "shoe_size": 44}


def test_a_manifest_cannot_be_changed() -> None:
    published = manifest()

    with pytest.raises(ValidationError):
        published.version = "2"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"manifest_version": 2}, "manifest_version", id="version of the format"),
        pytest.param({"name": "Gender"}, "name", id="name in capitals"),
        pytest.param({"name": "../etc"}, "name", id="name with a path"),
        pytest.param({"version": "1/2"}, "version", id="version with a slash"),
        pytest.param({"version": ".."}, "version", id="version with a path"),
        pytest.param({"version": ""}, "version", id="empty version"),
        pytest.param({"artifact": None}, "artifact", id="no artifact"),
        pytest.param(
            {"artifact": {"file": "../x", "sha256": "0" * 64, "bytes": 1}}, "artifact.file", id="file with a path"
        ),
        pytest.param({"artifact": {"file": "x", "sha256": "0" * 63, "bytes": 1}}, "artifact.sha256", id="checksum"),
        pytest.param({"artifact": {"file": "x", "sha256": "0" * 64, "bytes": 0}}, "artifact.bytes", id="no bytes"),
        pytest.param({"libraries": {"python": "3.11", "numpy": "2"}}, "libraries.scikit_learn", id="no library"),
        pytest.param({"features": []}, "features", id="no features"),
        pytest.param({"features": [feature_fields(name="")]}, "features.0.name", id="feature without a name"),
        pytest.param({"features": [feature_fields(type="date")]}, "features.0.type", id="unknown type"),
        pytest.param({"features": [feature_fields(mininum=1)]}, "features.0.mininum", id="unknown field of a feature"),
        pytest.param({"metrics": {"roc_auc": "good"}}, "metrics.roc_auc", id="metric that is no number"),
        pytest.param({"auther": "me"}, "auther", id="unknown field"),
    ],
)
def test_a_bad_field_is_refused_by_its_name(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        ModelManifest.decode(document(**changes), origin="upload.json")

    assert refused.value.detail.startswith(f"upload.json: {where}: ")


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param({"minimum": 251}, id="minimum above maximum"),
        pytest.param({"typical_minimum": 99}, id="typical minimum below minimum"),
        pytest.param({"typical_maximum": 251}, id="typical maximum above maximum"),
        pytest.param({"typical_minimum": 201}, id="typical minimum above typical maximum"),
        pytest.param({"minimum": None, "typical_minimum": None, "maximum": 1}, id="maximum below typical maximum"),
    ],
)
def test_inconsistent_ranges_are_refused_by_the_name_of_the_feature(bounds: dict[str, Any]) -> None:
    with pytest.raises(ManifestInvalid, match="height: need minimum <= typical_minimum <= typical_maximum <= maximum"):
        ModelManifest.decode(document(features=[feature_fields(**bounds)]), origin="upload.json")


@pytest.mark.parametrize("bound", ["NaN", "Infinity", "-Infinity"])
def test_a_bound_that_is_not_finite_is_refused(bound: str) -> None:
    text = document().replace('"minimum": 100.0', f'"minimum": {bound}')

    with pytest.raises(ManifestInvalid, match=r"features\.0\.minimum"):
        ModelManifest.decode(text, origin="upload.json")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"type": "category", "example": "red"}, "a category needs its categories", id="no categories"),
        pytest.param({"type": "number", "example": "red"}, "the example is not of type number", id="text for a number"),
        pytest.param({"type": "text", "example": 1}, "the example is not of type text", id="number for a text"),
    ],
)
def test_a_feature_that_contradicts_its_type_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=f"colour: {reason}"):
        Feature.model_validate({"name": "colour"} | changes)


def test_two_features_of_one_name_are_refused() -> None:
    features = [feature_fields(), feature_fields()]

    with pytest.raises(ManifestInvalid, match="two features have the same name"):
        ModelManifest.decode(document(features=features), origin="upload.json")


@pytest.mark.parametrize("classes", [[], ["male"], ["male", "male"]], ids=["none", "one", "twice the same"])
def test_classes_are_two_or_more_different_labels(classes: list[str]) -> None:
    with pytest.raises(ManifestInvalid, match="classes must be two or more different labels"):
        ModelManifest.decode(document(classes=classes), origin="upload.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe"], ids=["empty", "cut off", "an array", "not UTF-8"])
def test_a_document_that_is_no_json_object_is_refused_with_its_origin(text: bytes) -> None:
    with pytest.raises(ManifestInvalid, match=r"^upload\.json: document: "):
        ModelManifest.decode(text, origin="upload.json")


@pytest.mark.parametrize("path", ["gender/2", "churn/1"], ids=["another version", "another name"])
def test_a_manifest_in_a_folder_of_another_name_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / path
    folder.mkdir(parents=True)
    manifest().write(folder)

    with pytest.raises(ManifestInvalid, match="its folder must be named gender/1"):
        ModelManifest.read(folder)


def test_a_folder_without_a_manifest_is_a_missing_model(folder: Path) -> None:
    with pytest.raises(ModelMissing, match=r"gender/1/manifest\.json: No such file"):
        ModelManifest.read(folder)


def test_a_manifest_that_cannot_be_read_names_its_file(folder: Path) -> None:
    (folder / MANIFEST_FILE).write_text("{")

    with pytest.raises(ManifestInvalid, match=r"gender/1/manifest\.json: "):
        ModelManifest.read(folder)


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("2", "1"),
        ("10", "9"),
        ("1.10", "1.9"),
        ("1.0.1", "1.0"),
        ("2", "1.99"),
        ("2024-01-02", "2023-12-31"),
        ("1", "draft"),
        ("1.0.1", "1.0-rc1"),
    ],
)
def test_versions_are_ordered_by_their_numbers(newer: str, older: str) -> None:
    assert version_order(newer) > version_order(older)


@pytest.mark.parametrize(
    ("lookalike", "value", "converted"),
    [
        pytest.param(HEIGHT.lookalikes[0], 1.75, 175.0, id="factor"),
        pytest.param(
            Lookalike(unit="°F", minimum=90, maximum=110, multiply_by=0.5, add=-3, advice=""), 100, 47.0, id="both"
        ),
        pytest.param(SHOE_SIZE.lookalikes[0], 10, None, id="does not convert"),
    ],
)
def test_a_lookalike_converts_where_its_unit_can_be(lookalike: Lookalike, value: float, converted: float) -> None:
    assert lookalike.convert(value) == converted


@pytest.mark.parametrize(("value", "is_covered"), [(0.99, False), (1, True), (2.5, True), (2.51, False)])
def test_a_lookalike_covers_its_range_with_both_ends(value: float, is_covered: bool) -> None:
    assert HEIGHT.lookalikes[0].covers(value) is is_covered
