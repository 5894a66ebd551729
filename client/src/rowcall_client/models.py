"""The server's model documents as frozen records, decoded once at the edge; no HTTP here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rowcall_client.predictions import Document


@dataclass(frozen=True, slots=True)
class Feature:
    """One named input of a model."""

    name: str
    type: str = ""
    #: Unit of the values, such as `cm`; empty when there is none.
    unit: str = ""
    description: str = ""
    #: Hard limits: a value outside is refused.
    minimum: float | None = None
    maximum: float | None = None
    #: Limits of the values the model has learned from: a value outside brings a warning.
    typical_minimum: float | None = None
    typical_maximum: float | None = None
    #: The only values allowed; empty for a number.
    categories: tuple[str, ...] = ()
    example: float | int | str | None = None

    @classmethod
    def decode(cls, document: Document) -> "Feature":
        """Read one member of a model's `features` array."""
        return cls(
            name=str(document["name"]),
            type=document.get("type") or "",
            unit=document.get("unit") or "",
            description=document.get("description") or "",
            minimum=document.get("minimum"),
            maximum=document.get("maximum"),
            typical_minimum=document.get("typical_minimum"),
            typical_maximum=document.get("typical_maximum"),
            categories=tuple(str(category) for category in document.get("categories") or ()),
            example=document.get("example"),
        )


@dataclass(frozen=True, slots=True)
class Model:
    """One model that the server can predict with."""

    name: str
    #: The version used when a request names none.
    version: str
    #: Every version that can be asked for.
    versions: tuple[str, ...]
    #: Checksum of the artifact, in hexadecimal digits.
    sha256: str
    description: str
    features: tuple[Feature, ...]
    #: The labels of a classifier; empty for a regression.
    classes: tuple[str, ...]
    #: How well it did when it was evaluated: metric name to value, as the manifest has it.
    metrics: Mapping[str, object]
    #: The whole document, members unknown to this client included.
    raw: Document = field(repr=False, compare=False)
    #: The document as it was sent; empty for a member of a list.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "Model":
        """Read a model document. Raises KeyError, TypeError, ValueError or AttributeError when it is none."""
        version = str(document["version"])
        return cls(
            name=str(document["name"]),
            version=version,
            versions=tuple(str(each) for each in document.get("versions") or [version]),
            sha256=document.get("sha256") or "",
            description=document.get("description") or "",
            features=tuple(Feature.decode(feature) for feature in document.get("features") or ()),
            classes=tuple(str(label) for label in document.get("classes") or ()),
            metrics=document.get("metrics") or {},
            raw=document,
            body=body,
        )


@dataclass(frozen=True, slots=True)
class ModelList:
    """Every model that is served, in the server's order; iterate over it or take its length."""

    models: tuple[Model, ...]
    #: The list as it was sent.
    body: str = field(default="", repr=False, compare=False)

    @classmethod
    def decode(cls, document: Document, *, body: str = "") -> "ModelList":
        """Read a list document. Raises as `Model.decode` does."""
        return cls(models=tuple(Model.decode(model) for model in document["data"]), body=body)

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    def __len__(self) -> int:
        return len(self.models)
