"""Which routes ask for which scope: one table, in which every blueprint has a line."""

from collections.abc import Mapping

from flask import Flask
from flask.globals import request_ctx

from api.callers import CALLER, Callers, Scope
from api.greenlets import call_blocking
from shared.errors import ScopeMissing

#: Blueprints whose routes ask for nothing: probes, figures, the contract, and pages.
OPEN = frozenset({"health", "protocol_probes", "metrics", "openapi", "pages"})
#: What the routes of the others ask for; None: any valid key.
SCOPES: Mapping[str, Scope | None] = {
    "predictions": Scope.PREDICT,
    "prediction_records": Scope.PREDICT,
    "prediction_webhooks": Scope.PREDICT,
    "batches": Scope.BATCH,
    "batch_records": Scope.BATCH,
    "batch_webhooks": Scope.BATCH,
    "inference_v2": Scope.PREDICT,
    "mlflow": Scope.PREDICT,
    "sagemaker": Scope.PREDICT,
    "models": None,
    "quarantine": Scope.ADMIN,
    "keys": Scope.ADMIN,
}


def find_needs(app: Flask, *, keys_required: bool) -> dict[tuple[str, str], tuple[Scope, ...]]:
    """Return the scopes that a key needs, by method and path of every route that asks for a key."""
    return {
        (method, rule.rule): (scope,) if scope else ()
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        for blueprint, scope in SCOPES.items()
        if rule.endpoint.startswith(f"{blueprint}.") and (keys_required or scope is Scope.ADMIN)
    }


def guard_routes(app: Flask, callers: Callers) -> None:
    """Let no request reach its view without a caller who may use it; call it when all blueprints are there."""
    unlisted = set(app.blueprints) - set(SCOPES) - OPEN
    assert not unlisted, f"say in api/access.py who may use {unlisted}"

    @app.before_request
    def require_caller() -> None:
        request = request_ctx.request
        blueprint = request.blueprint
        # No blueprint: a path that does not exist.
        if blueprint is None or blueprint in OPEN:
            return
        scope = SCOPES[blueprint]
        environ = request.environ
        caller = environ.get(CALLER)
        if caller is None:
            authorization = environ.get("HTTP_AUTHORIZATION")
            # What is for operators is so even where no keys are asked for.
            known = None if scope is Scope.ADMIN else callers.find_known(authorization)
            caller = environ[CALLER] = known or call_blocking(callers.get, authorization)
        if scope is not None and scope not in caller.scopes:
            raise ScopeMissing(scope)
