"""Blueprint: `InvokeEndpoint` of the SageMaker Runtime, as AWS clients with an `endpoint_url` of their own call it."""

import csv
import io
from collections.abc import Sequence

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from api.orders import TakenOn
from api.predictions import Predictions, answer_headers
from api.protocols.packed_body import read_body
from api.protocols.plain_json import add_message
from api.protocols.tables import Table, read_csv_table, read_json_table, read_rows
from api.representations import json_response
from api.served_models import ServedModels
from shared.errors import RequestMalformed
from shared.jobs import Prediction
from shared.manifest import Feature, ModelManifest

_JSON, _CSV = "application/json", "text/csv"
_PREFIX = "X-Amzn-SageMaker-"
#: Parts of an endpoint that only SageMaker has. To pass one over would be to answer for another model.
_UNSUPPORTED = ("Target-Model", "Target-Container-Hostname", "Inference-Component", "Enable-Explanations")
_DENIED = "AccessDeniedException"
#: HTTP status → the exception that AWS clients raise.
_ERROR_TYPES = {401: _DENIED, 403: _DENIED, 500: "InternalFailure", 503: "ServiceUnavailable", 504: "ModelError"}


class SageMaker:
    """The route of an endpoint, which is a model."""

    def __init__(self, predictions: Predictions, models: ServedModels) -> None:
        self._predictions = predictions
        self._models = models

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("sagemaker", __name__)
        blueprint.add_url_rule("/endpoints/<name>/invocations", view_func=self.invoke, methods=["POST"])
        blueprint.after_request(_write_errors)
        return blueprint

    def invoke(self, name: str) -> Response:
        for part in _UNSUPPORTED:
            if f"{_PREFIX}{part}" in request.headers:
                raise RequestMalformed(
                    f"{_PREFIX}{part} is not supported; an endpoint is a model, a variant its version."
                )
        media_type = _choose_media_type()
        model = self._models.get(name, request.headers.get(f"{_PREFIX}Target-Variant"))
        table = _read_table(model.manifest.features)
        return self._predictions.answer_when_done(
            table.records,
            lambda taken_on: _show(taken_on, media_type, model.manifest),
            name=name,
            version=model.manifest.version,
            pointer=table.pointer,
        )


def _choose_media_type() -> str:
    """Return the type of the answer; without Accept, JSON."""
    accepted = request.accept_mimetypes
    found = accepted.best_match((_JSON, _CSV)) if accepted else _JSON
    if found is None:
        raise RequestMalformed(f"Accept {_JSON} or {_CSV}.")
    return found


def _read_table(features: Sequence[Feature]) -> Table:
    if request.mimetype == _JSON:
        return read_json_body(read_body(request), features)
    if request.mimetype == _CSV:
        charset = request.mimetype_params.get("charset", "utf-8")
        return read_csv_table(read_body(request), charset, features, may_lack_header=True)
    raise UnsupportedMediaType(f"Send JSON with ContentType {_JSON}, or a CSV with {_CSV}.")


def read_json_body(body: bytes, features: Sequence[Feature]) -> Table:
    """Return the table of JSON: one record, an array of records or of values in order, or what MLflow takes."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        # It says where.
        return read_json_table(body, features)
    names = [feature.name for feature in features]
    if isinstance(document, list):
        return Table(read_rows(document, names, ""), "", {})
    if isinstance(document, dict) and not document.keys().isdisjoint(names):
        return Table([document], "", {})
    return read_json_table(body, features)


def _show(taken_on: TakenOn, media_type: str, manifest: ModelManifest) -> Response:
    outcome = taken_on.job.outcome
    assert outcome is not None
    assert outcome.predictions is not None
    headers = {**answer_headers(taken_on), "X-Amzn-Invoked-Production-Variant": manifest.version}
    if media_type == _JSON:
        return json_response({"predictions": outcome.predictions}, 200, headers)
    text = write_csv(outcome.predictions, manifest.classes or ())
    return Response(text, 200, headers, content_type=f"{_CSV}; charset=utf-8")


def write_csv(predictions: Sequence[Prediction], classes: Sequence[str]) -> str:
    """Return a line for each row: the prediction, then the probability of each class; without a header."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for row in predictions:
        writer.writerow([row["prediction"], *(row["probabilities"][label] for label in classes)])
    return lines.getvalue()


def _write_errors(response: Response) -> Response:
    if response.status_code >= 400:
        response.headers["X-Amzn-ErrorType"] = _ERROR_TYPES.get(response.status_code, "ValidationError")
    return add_message(response)
