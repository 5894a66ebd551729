"""ModelManifest: what a model version is, what it takes and what it answers.

The manifest is the JSON beside an artifact; worker and API read the same one. No model code here.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import ManifestInvalid
from shared.model_files import ModelFileTooLong, read_model_file

MANIFEST_FILE = "manifest.json"
#: A thousand features with all that can be said of each take less.
MOST_BYTES = 16 << 20

NAME_PATTERN = "[a-z][a-z0-9_-]{0,63}"
VERSION_PATTERN = "[0-9A-Za-z][0-9A-Za-z._-]{0,63}"

ModelName = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
ModelVersion = Annotated[str, Field(pattern=f"^{VERSION_PATTERN}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Lookalike(_Frozen):
    """A unit that people send by mistake, told by the values it leads to.

    A refused value between `minimum` and `maximum` is answered with "looks like <unit>". With
    `multiply_by` or `add` the right value is computed: value * multiply_by + add, in the feature's unit.
    """

    unit: str
    minimum: FiniteFloat
    maximum: FiniteFloat
    multiply_by: FiniteFloat | None = None
    add: FiniteFloat = 0.0
    #: What to send instead, such as "send centimetres".
    advice: str

    def covers(self, value: float) -> bool:
        """Say whether the value could have been meant in this unit."""
        return self.minimum <= value <= self.maximum

    def convert(self, value: float) -> float | None:
        """Return the value in the feature's unit, or None where the units do not convert."""
        return None if self.multiply_by is None else value * self.multiply_by + self.add


class Feature(_Frozen):
    """One named input column."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    type: Literal["number", "integer", "category", "text"] = "number"
    unit: str | None = None
    description: str = ""
    #: Hard range, in `unit`: a value outside is refused.
    minimum: FiniteFloat | None = None
    maximum: FiniteFloat | None = None
    #: Range the model was trained on, in `unit`: a value outside is answered with a warning.
    typical_minimum: FiniteFloat | None = None
    typical_maximum: FiniteFloat | None = None
    #: The only values of a `category`.
    categories: tuple[str, ...] = ()
    #: Longest `text` accepted, in characters.
    maximum_length: Annotated[int, Field(gt=0)] = 10_000
    lookalikes: tuple[Lookalike, ...] = ()
    #: A value that passes validation: for examples, the OpenAPI document and the warm-up.
    example: float | str

    @property
    def is_numeric(self) -> bool:
        return self.type in ("number", "integer")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        bounds = [self.minimum, self.typical_minimum, self.typical_maximum, self.maximum]
        given = [bound for bound in bounds if bound is not None]
        if given != sorted(given):
            raise ValueError(f"{self.name}: need minimum <= typical_minimum <= typical_maximum <= maximum")
        if self.type == "category" and not self.categories:
            raise ValueError(f"{self.name}: a category needs its categories")
        if given and not self.is_numeric:
            raise ValueError(f"{self.name}: only numbers have a range")
        if self.is_numeric != (not isinstance(self.example, str)):
            raise ValueError(f"{self.name}: the example is not of type {self.type}")
        return self


class Artifact(_Frozen):
    """The file that a worker loads, named by its bytes."""

    file: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")]
    sha256: Sha256
    bytes: Annotated[int, Field(gt=0)]


class Libraries(_Frozen):
    """Versions that wrote the artifact."""

    python: str
    scikit_learn: str
    numpy: str


class ModelManifest(_Frozen):
    """One immutable model version."""

    manifest_version: Literal[1]
    name: ModelName
    version: ModelVersion
    description: str = ""
    artifact: Artifact
    libraries: Libraries
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    #: Labels in the order of the columns of `predict_proba`; None for a model that predicts a number.
    classes: tuple[str, ...] | None = None
    metrics: dict[str, FiniteFloat] = {}
    #: How it was made: seed, row counts, source of the data.
    training: dict[str, str | int | FiniteFloat] = {}

    @property
    def key(self) -> str:
        """`name/version`: one word for this model version, in records, messages and logs."""
        return f"{self.name}/{self.version}"

    @property
    def example(self) -> dict[str, float | str]:
        """One row that passes validation."""
        return {feature.name: feature.example for feature in self.features}

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [feature.name for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("two features have the same name")
        if self.classes is not None and len(set(self.classes)) < max(2, len(self.classes)):
            raise ValueError("classes must be two or more different labels")
        return self

    @classmethod
    def decode(cls, document: str | bytes, *, origin: str) -> Self:
        """Read a manifest from JSON; raises ManifestInvalid, naming `origin` and the first bad field."""
        try:
            return cls.model_validate_json(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "document"
            raise ManifestInvalid(f"{origin}: {where}: {first['msg'].removeprefix('Value error, ')}") from error

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read `folder/manifest.json`; raises ModelMissing or ManifestInvalid.

        The folder must be `<name>/<version>` as the manifest says, so that no file can pose as another.
        """
        path = folder / MANIFEST_FILE
        try:
            document = read_model_file(path, most_bytes=MOST_BYTES)
        except ModelFileTooLong:
            raise ManifestInvalid(f"{path} has more than {MOST_BYTES} bytes, so it is no manifest") from None
        manifest = cls.decode(document, origin=str(path))
        if (folder.parent.name, folder.name) != (manifest.name, manifest.version):
            raise ManifestInvalid(f"{path} describes {manifest.key}, so its folder must be named {manifest.key}")
        return manifest

    def write(self, folder: Path) -> None:
        """Write `folder/manifest.json`, the same bytes for the same manifest."""
        (folder / MANIFEST_FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def version_order(version: str) -> tuple[bool, Any]:
    """Return a sort key: "10" is newer than "9", "1.0" than "1.0-rc1"; what is no PEP 440 version is oldest."""
    try:
        return True, Version(version)
    except InvalidVersion:
        return False, version
