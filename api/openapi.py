"""The published contract: openapi.yaml, completed with the models that are served right now."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from flask import Blueprint, Response, current_app

from api.access import find_needs
from api.protocols.inference_answer import describe_inputs
from api.representations import json_response
from api.served_models import ServedModels
from shared.errors import StoreUnavailable
from shared.manifest import Feature, ModelManifest
from shared.settings import Settings

#: A parameter in a path, as the web framework or as OpenAPI writes it.
_PARAMETER = re.compile(r"<[^>]+>|\{[^}]+\}")
#: What the operations of other protocols refer to for their problems begins with it.
_PLAIN = "Plain"
_JSON_TYPES = {"number": "number", "integer": "integer", "category": "string", "text": "string"}


def make_openapi_blueprint(models: ServedModels, settings: Settings) -> Blueprint:
    """Return the route of the OpenAPI 3.1 document."""
    blueprint = Blueprint("openapi", __name__)
    text = (Path(__file__).parent / "openapi.yaml").read_text()

    @blueprint.get("/openapi.json")
    def read_openapi() -> Response:
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        try:
            served = models.all()
        except StoreUnavailable:
            served = []
        describe_models(document, [model.manifest for model in served], settings)
        describe_access(document, find_needs(current_app, keys_required=bool(settings.require_keys)))
        return json_response(document)

    return blueprint


def describe_models(document: dict[str, Any], manifests: list[ModelManifest], settings: Settings) -> None:
    """Write the inputs of the served model versions into the document, in place.

    So a reader sees the features with their ranges, and a generator makes requests that fit.
    """
    if not manifests:
        return
    schemas = document["components"]["schemas"]
    schemas["RetainFor"]["anyOf"][1]["maximum"] = settings.retention_seconds
    names = sorted({manifest.name for manifest in manifests})
    for manifest in manifests:
        schemas[_input_name(manifest)] = _input_schema(manifest, settings)
    schemas["Input"] = {"anyOf": [{"$ref": f"#/components/schemas/{_input_name(m)}"} for m in manifests]}
    schemas["PredictionRequest"] = {"anyOf": [_request_schema(m, settings, is_only=len(names) == 1) for m in manifests]}
    _give_examples(schemas, manifests[0])
    document["components"]["parameters"]["ModelName"]["schema"] = {"type": "string", "enum": names}


def describe_access(document: dict[str, Any], needs: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """Write into the document, in place, which operations of this deployment need a key, and with which scope.

    needs: scopes by method and rule of the web framework; a key with any scope will do where there are none.
    """
    by_path = {(method, _PARAMETER.sub("{}", rule)): list(scopes) for (method, rule), scopes in needs.items()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scopes = by_path.get((method.upper(), _PARAMETER.sub("{}", path)))
            refusal = {"$ref": f"#/components/responses/{_refusal_name(operation)}"}
            if scopes is not None:
                operation["security"] = [{"key": scopes}]
                operation["responses"]["401"] = refusal
            if scopes:
                operation["responses"]["403"] = refusal


def _refusal_name(operation: Mapping[str, Any]) -> str:
    """Return the component that a refused key is answered with; the problems of an operation are of one kind."""
    references = [answer.get("$ref", "").rpartition("/")[2] for answer in operation["responses"].values()]
    return "PlainUnauthorized" if any(name.startswith(_PLAIN) for name in references) else "Unauthorized"


def _give_examples(schemas: dict[str, Any], manifest: ModelManifest) -> None:
    """Write a request for one model into the schemas of the protocols that were not made here."""
    tensors = [
        {**tensor, "shape": [1], "data": [manifest.example[tensor["name"]]]} for tensor in describe_inputs(manifest)
    ]
    schemas["InferenceRequest"]["example"] = {"inputs": tensors}
    schemas["Invocation"]["example"] = {"dataframe_records": [manifest.example]}
    schemas["EndpointInput"]["example"] = [manifest.example]


def _input_name(manifest: ModelManifest) -> str:
    return f"Input_{manifest.name}_{manifest.version}"


def _request_schema(manifest: ModelManifest, settings: Settings, *, is_only: bool) -> dict[str, Any]:
    webhook = {"webhook": {"$ref": "#/components/schemas/Webhook"}} if settings.webhooks else {}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["input"] if is_only else ["model", "input"],
        "properties": {
            "model": {"enum": [manifest.name, None] if is_only else [manifest.name]},
            "version": {"enum": [manifest.version, None]},
            "input": {"$ref": f"#/components/schemas/{_input_name(manifest)}"},
            "retain_for": {"$ref": "#/components/schemas/RetainFor"},
            "metadata": {"$ref": "#/components/schemas/Metadata"},
            **webhook,
        },
        "example": {"model": manifest.name, "input": manifest.example, "metadata": {"order": "4711"}},
    }


def _input_schema(manifest: ModelManifest, settings: Settings) -> dict[str, Any]:
    record = {
        "type": "object",
        "additionalProperties": False,
        "required": [feature.name for feature in manifest.features],
        "properties": {feature.name: _feature_schema(feature) for feature in manifest.features},
        "example": manifest.example,
    }
    array = {"type": "array", "minItems": 1, "maxItems": settings.max_rows, "items": record}
    return {"title": f"Input of {manifest.key}", "anyOf": [record, array]}


def _feature_schema(feature: Feature) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _JSON_TYPES[feature.type]}
    if feature.description or feature.unit:
        schema["description"] = f"{feature.description} ({feature.unit})" if feature.unit else feature.description
    limits: dict[str, Any] = {"minimum": feature.minimum, "maximum": feature.maximum}
    if feature.is_numeric:
        schema |= {name: limit for name, limit in limits.items() if limit is not None}
    elif feature.type == "category":
        schema["enum"] = list(feature.categories)
    else:
        schema["maxLength"] = feature.maximum_length
    return schema
