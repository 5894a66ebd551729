"""create_app: wiring only."""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Flask, Response, g, request

from api.access import guard_routes
from api.batch_records import BatchRecords
from api.batches import Batches
from api.callers import Callers
from api.express import Express
from api.followers import Followers
from api.group_commit import GroupCommit
from api.health import Readiness, make_health_blueprint
from api.ids import JobIds
from api.key_routes import make_keys_blueprint
from api.key_store import RedisKeys
from api.lean_flask import LeanFlask
from api.metrics import MetricsPage, make_metrics_blueprint
from api.models import make_models_blueprint
from api.openapi import make_openapi_blueprint
from api.owned import OwnedBatches, OwnedJobs
from api.pages import make_pages_blueprint
from api.prediction_records import PredictionRecords
from api.predictions import TAKEN_ON, Predictions
from api.problems import register_problems
from api.protocols.inference_v2 import InferenceV2
from api.protocols.mlflow import Mlflow
from api.protocols.probes import make_probes_blueprint
from api.protocols.sagemaker import SageMaker
from api.quarantine import Quarantine
from api.rate_limits import RateLimits, tell_rate_limits
from api.request_counts import BEGAN, RequestCounts
from api.request_id import choose_request_id
from api.response_headers import add_response_headers, make_response_headers
from api.served_models import ServedModels
from api.submissions import Submissions
from api.waiters import Waiters
from api.webhooks import make_batch_webhooks_blueprint, make_prediction_webhooks_blueprint
from shared.batch_store import BatchStore
from shared.broker import Broker
from shared.file_store import FileStore
from shared.job_store import JobStore
from shared.quarantine import RedisQuarantine
from shared.registry import Registry
from shared.settings import Settings
from shared.webhook_outbox import RedisWebhookOutbox

log = logging.getLogger(__name__)

#: W3C Trace Context: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
#: Views that say whether this process or a model is ready.
_PROBES = frozenset(
    {"health.live", "health.ready", "protocol_probes.ready", "protocol_probes.ping", "inference_v2.model_ready"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """What the application works with; a test passes others."""

    jobs: JobStore
    batches: BatchStore
    files: FileStore
    broker: Broker
    registry: Registry
    group: GroupCommit
    waiters: Waiters
    ids: JobIds
    readiness: Readiness
    quarantine: RedisQuarantine
    counts: RequestCounts
    metrics: MetricsPage
    keys: RedisKeys
    rates: RateLimits
    outbox: RedisWebhookOutbox


class RowcallApp(LeanFlask):
    """The WSGI application, and which of its requests may run on an event loop."""

    def __init__(
        self,
        predictions: Predictions,
        callers: Callers,
        counts: RequestCounts,
        rates: RateLimits,
        settings: Settings,
    ) -> None:
        super().__init__("rowcall")
        self.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
        #: Says of method and path whether the view would block nothing.
        self.never_blocks = predictions.never_blocks
        #: Answers such a request without the view, or says what the view needs.
        self.express = Express(
            predictions,
            callers,
            counts,
            rates,
            max_body_bytes=settings.max_body_bytes,
            response_headers=make_response_headers(settings),
        )


def create_app(settings: Settings, with_: Collaborators) -> RowcallApp:
    """Return the application on the given collaborators; nothing is started or connected here."""
    models = ServedModels(with_.registry)
    submissions = Submissions(with_.group, models, with_.ids, with_.rates, settings)
    owned = OwnedJobs(with_.jobs, with_.ids)
    predictions = Predictions(with_.jobs, owned, submissions, with_.waiters, settings)
    callers = Callers(with_.keys, settings)
    app = RowcallApp(predictions, callers, with_.counts, with_.rates, settings)
    _trace_requests(app, with_.counts)
    add_response_headers(app, make_response_headers(settings))
    tell_rate_limits(app, with_.rates)
    register_problems(app)
    for blueprint in (
        predictions.blueprint(),
        *_record_blueprints(settings, with_, owned, models),
        *_operator_blueprints(with_, models),
        make_models_blueprint(models),
        make_health_blueprint(with_.readiness),
        make_probes_blueprint(with_.readiness),
        make_metrics_blueprint(with_.metrics),
        InferenceV2(predictions, models, settings).blueprint(),
        Mlflow(predictions, models).blueprint(),
        SageMaker(predictions, models).blueprint(),
        make_openapi_blueprint(models, settings),
        make_pages_blueprint(),
    ):
        app.register_blueprint(blueprint)
    guard_routes(app, callers)
    _pass_on_refusals(app)

    return app


def _record_blueprints(
    settings: Settings, with_: Collaborators, owned: OwnedJobs, models: ServedModels
) -> Iterator[Blueprint]:
    """Yield the routes of batches, and those of what is kept of jobs and batches."""
    followers = Followers(with_.jobs, with_.waiters)
    owned_batches = OwnedBatches(with_.batches, with_.ids)
    yield PredictionRecords(with_.jobs, owned, with_.group, followers, with_.rates, settings).blueprint()
    yield make_prediction_webhooks_blueprint(with_.outbox, owned)
    yield Batches(
        batches=with_.batches,
        files=with_.files,
        broker=with_.broker,
        models=models,
        waiters=with_.waiters,
        ids=with_.ids,
        rates=with_.rates,
        settings=settings,
    ).blueprint()
    yield BatchRecords(with_.batches, with_.files, owned_batches, followers, settings).blueprint()
    yield make_batch_webhooks_blueprint(with_.outbox, owned_batches)


def _operator_blueprints(with_: Collaborators, models: ServedModels) -> Iterator[Blueprint]:
    """Yield the routes of those who run the service."""
    yield make_keys_blueprint(with_.keys)
    yield Quarantine(
        quarantine=with_.quarantine,
        jobs=with_.jobs,
        batches=with_.batches,
        broker=with_.broker,
        models=models,
        ids=with_.ids,
    ).blueprint()


def _pass_on_refusals(app: Flask) -> None:
    """Answer what was refused before Flask."""

    @app.before_request
    def raise_refusal() -> None:
        taken_on = request.environ.get(TAKEN_ON)
        if isinstance(taken_on, Exception):
            raise taken_on


def _trace_requests(app: Flask, counts: RequestCounts) -> None:
    """Give every request an id, count it, and log it if it was refused."""

    @app.before_request
    def name_request() -> None:
        g.began = request.environ.get(BEGAN) or time.perf_counter()
        g.request_id = choose_request_id(request.environ.get("HTTP_X_REQUEST_ID"))

    @app.after_request
    def finish_request(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        rule = str(request.url_rule or "")
        counts.answered(request.method, rule, response.status_code, time.perf_counter() - g.began)
        if "problem_code" in g:
            counts.problem(g.problem_code)
        # Probes come every second, and say themselves what they found.
        if response.status_code >= 400 and request.endpoint not in _PROBES:
            trace = _TRACEPARENT.match(request.headers.get("traceparent", ""))
            log.info(
                "request refused",
                extra={
                    "method": request.method,
                    "route": rule,
                    "status": response.status_code,
                    "request_id": g.request_id,
                    "trace_id": trace[1] if trace else None,
                },
            )
        return response
