"""Blueprint: which models are served, what they take and what they answer."""

from itertools import groupby

from flask import Blueprint, Response

from api.representations import json_response, model_document
from api.served_models import ServedModels


def make_models_blueprint(models: ServedModels) -> Blueprint:
    """Return the routes of the models."""
    blueprint = Blueprint("models", __name__)

    @blueprint.get("/v1/models")
    def list_models() -> Response:
        documents = []
        for name, versions in groupby(models.all(), key=lambda model: model.manifest.name):
            documents.append(model_document(models.get(name, None).manifest, list(versions)))
        return json_response({"object": "list", "data": documents})

    @blueprint.get("/v1/models/<name>")
    def read_model(name: str) -> Response:
        present = models.get(name, None).manifest
        versions = [model for model in models.all() if model.manifest.name == name]
        return json_response(model_document(present, versions))

    return blueprint
