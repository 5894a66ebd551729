"""Blueprint: the Open Inference Protocol, version 2, over HTTP, with binary tensors."""

from flask import Blueprint, Response, request

from api.orders import TakenOn
from api.predictions import Predictions, answer_headers
from api.protocols.inference_answer import describe_model, make_answer
from api.protocols.inference_request import LENGTH_HEADER, InferenceRequest, read_request
from api.protocols.packed_body import read_body
from api.protocols.plain_json import name_json
from api.protocols.probes import not_ready
from api.representations import JsonResponse, json_response
from api.served_models import RequestedModel, ServedModels
from shared.errors import NoWorkerAlive
from shared.settings import Settings

_JSON, _BINARY = "application/json", "application/octet-stream"
_MODEL = "/v2/models/<name>"


class InferenceV2:
    """The routes of the protocol. Bodies are read whatever Content-Type says: its clients send none."""

    def __init__(self, predictions: Predictions, models: ServedModels, settings: Settings) -> None:
        self._predictions = predictions
        self._models = models
        self._max_rows = settings.max_rows

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("inference_v2", __name__)
        for rule, method, view in (
            (_MODEL, "GET", self.describe),
            (f"{_MODEL}/versions/<version>", "GET", self.describe),
            (f"{_MODEL}/ready", "GET", self.model_ready),
            (f"{_MODEL}/versions/<version>/ready", "GET", self.model_ready),
            (f"{_MODEL}/infer", "POST", self.infer),
            (f"{_MODEL}/versions/<version>/infer", "POST", self.infer),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        blueprint.after_request(name_json)
        return blueprint

    def describe(self, name: str, version: str | None = None) -> Response:
        manifest = self._models.get(name, version).manifest
        versions = [model.manifest.version for model in self._models.all() if model.manifest.name == name]
        return json_response(describe_model(manifest, versions))

    def model_ready(self, name: str, version: str | None = None) -> Response:
        manifest = self._models.get(name, version).manifest
        if any(model.is_ready and model.manifest.key == manifest.key for model in self._models.all()):
            return json_response({"name": name, "ready": True})
        return not_ready(NoWorkerAlive.code, f"No worker that is alive has {manifest.key}.", name=name)

    def infer(self, name: str, version: str | None = None) -> Response:
        model = self._models.get(name, version)
        asked = read_request(
            read_body(request), request.headers.get(LENGTH_HEADER), model.manifest, max_rows=self._max_rows
        )
        return self._predictions.answer_when_done(
            asked.records,
            lambda taken_on: _show(asked, model, taken_on),
            name=name,
            version=model.manifest.version,
            pointer="",
            wait_seconds=asked.timeout_seconds,
        )


def _show(asked: InferenceRequest, model: RequestedModel, taken_on: TakenOn) -> Response:
    outcome = taken_on.job.outcome
    assert outcome is not None
    assert outcome.predictions is not None
    body, header_length = make_answer(asked, model.ref, outcome.predictions, model.manifest.classes)
    headers = answer_headers(taken_on)
    if header_length is None:
        return JsonResponse(body, 200, headers, content_type=_JSON)
    headers[LENGTH_HEADER] = str(header_length)
    return JsonResponse(body, 200, headers, content_type=_BINARY)
