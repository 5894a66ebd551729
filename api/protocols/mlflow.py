"""Blueprint: what clients of MLflow's scoring server ask for. SageMaker asks a container for the same."""

from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import UnsupportedMediaType

from api.orders import TakenOn
from api.predictions import Predictions, answer_headers
from api.protocols.packed_body import read_body
from api.protocols.plain_json import add_message
from api.protocols.tables import PARAMS, Table, read_csv_table, read_json_table
from api.representations import json_response
from api.served_models import ServedModels
from shared.errors import FieldErrorCode, FieldNote, InputInvalid
from shared.jobs import Prediction
from shared.manifest import Feature, ModelManifest

#: What `params` may hold: which method of the model answers, as MLflow calls it where a model is logged.
METHOD = "pyfunc_predict_fn"
_METHODS = ("predict", "predict_proba")
#: HTTP status → the code that MLflow has for such an error.
_ERROR_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    422: "INVALID_PARAMETER_VALUE",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class Mlflow:
    """The route that predicts."""

    def __init__(self, predictions: Predictions, models: ServedModels) -> None:
        self._predictions = predictions
        self._models = models

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("mlflow", __name__)
        blueprint.add_url_rule("/invocations", view_func=self.invoke, methods=["POST"])
        blueprint.after_request(_write_errors)
        return blueprint

    def invoke(self) -> Response:
        model = self._models.get(request.args.get("model"), request.args.get("version"))
        table = _read_table(model.manifest.features)
        method = _read_method(table.params, model.manifest)
        return self._predictions.answer_when_done(
            table.records,
            lambda taken_on: _show(taken_on, method, model.manifest),
            name=model.manifest.name,
            version=model.manifest.version,
            pointer=table.pointer,
        )


def _read_table(features: tuple[Feature, ...]) -> Table:
    charset = request.mimetype_params.get("charset", "utf-8")
    if request.mimetype == "application/json" and charset.lower() == "utf-8":
        return read_json_table(read_body(request), features)
    if request.mimetype == "text/csv":
        return read_csv_table(read_body(request), charset, features, may_lack_header=False)
    raise UnsupportedMediaType("Send JSON in UTF-8 with Content-Type: application/json, or a CSV with text/csv.")


def _read_method(params: dict[str, Any], manifest: ModelManifest) -> str:
    unknown = sorted(params.keys() - {METHOD})
    if unknown:
        detail = f"there is no parameter {unknown[0][:64]!r}; there is {METHOD}"
        raise InputInvalid([FieldNote(f"/{PARAMS}", FieldErrorCode.UNKNOWN_FIELD, detail)])
    method = params.get(METHOD, "predict")
    known = _METHODS if manifest.classes else _METHODS[:1]
    if method not in known:
        raise InputInvalid(
            [FieldNote(f"/{PARAMS}/{METHOD}", FieldErrorCode.NOT_A_CATEGORY, f"this model has {' and '.join(known)}")]
        )
    return str(method)


def _show(taken_on: TakenOn, method: str, manifest: ModelManifest) -> Response:
    outcome = taken_on.job.outcome
    assert outcome is not None
    assert outcome.predictions is not None
    predictions = [_show_row(row, method, manifest) for row in outcome.predictions]
    return json_response({"predictions": predictions}, 200, answer_headers(taken_on))


def _show_row(row: Prediction, method: str, manifest: ModelManifest) -> Any:
    if method == "predict":
        return row["prediction"]
    return [row["probabilities"][label] for label in manifest.classes or ()]


def _write_errors(response: Response) -> Response:
    code = _ERROR_CODES.get(response.status_code, "INTERNAL_ERROR" if response.status_code >= 500 else "BAD_REQUEST")
    return add_message(response, error_code=code)
