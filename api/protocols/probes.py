"""Blueprint: what clients of other protocols ask before they ask for predictions. It shows nothing of the models."""

from flask import Blueprint, Response

from api.health import Readiness
from api.problems import RETRY_AFTER_SECONDS, problem_response
from api.protocols.plain_json import name_json
from api.representations import json_response
from api.version import VERSION


def make_probes_blueprint(readiness: Readiness) -> Blueprint:
    """Return the probes of the Open Inference Protocol and of MLflow."""
    blueprint = Blueprint("protocol_probes", __name__)
    blueprint.after_request(name_json)

    @blueprint.get("/v2")
    def describe_server() -> Response:
        return json_response({"name": "rowcall", "version": VERSION, "extensions": ["binary_tensor_data"]})

    @blueprint.get("/v2/health/live")
    def live() -> Response:
        return json_response({"live": True})

    @blueprint.get("/v2/health/ready")
    def ready() -> Response:
        fault = readiness.find_fault()
        return json_response({"ready": True}) if fault is None else not_ready(fault.code, fault.detail)

    @blueprint.get("/ping")
    def ping() -> Response:
        fault = readiness.find_fault()
        return json_response({"status": "ready"}) if fault is None else not_ready(fault.code, fault.detail)

    @blueprint.get("/version")
    def version() -> Response:
        return Response(VERSION, content_type="text/plain; charset=utf-8")

    return blueprint


def not_ready(code: str, detail: str, **members: str) -> Response:
    """Return the problem of a server or a model that cannot answer right now."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return problem_response(503, code, detail, retryable=True, headers=headers, ready=False, **members)
