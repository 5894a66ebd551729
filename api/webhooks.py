"""Blueprint: send a webhook again; and which webhook a request for a job or batch names."""

import logging
from typing import Any

from flask import Blueprint, Response, request

from api.batch_representations import batch_document
from api.callers import current_caller
from api.owned import OwnedBatches, OwnedJobs
from api.representations import job_document, json_response
from shared.errors import FieldErrorCode, FieldNote, InputInvalid, NoWebhookMessage
from shared.feature_schema import unknown_fields
from shared.settings import Settings
from shared.webhook_outbox import RedisWebhookOutbox
from shared.webhooks import WebhookUrlRefused, read_webhook_url

log = logging.getLogger(__name__)

_NONE = "There is no message to send: it has no webhook, or has not ended."


class WebhookChoice:
    """Reads where a client wants to be told; nowhere while the operator has not enabled webhooks."""

    def __init__(self, settings: Settings) -> None:
        self._is_on = settings.webhooks
        self._allowed = settings.webhook_allowed_networks

    def from_body(self, document: dict[str, Any]) -> str:
        """Return the URL in the member `webhook`, or '' without one; raises InputInvalid."""
        webhook = document.get("webhook")
        if webhook is None:
            return ""
        if not isinstance(webhook, dict):
            detail = 'send an object such as {"url": "https://example.com/rowcall"}'
            raise InputInvalid([FieldNote("/webhook", FieldErrorCode.WRONG_TYPE, detail)])
        unknown = unknown_fields(webhook, {"url"}, pointer="/webhook", what="there is no field")
        if unknown:
            raise InputInvalid(unknown)
        return self._check(webhook.get("url"), "/webhook/url")

    def from_query(self) -> str:
        """Return the URL in the query of the present request, or '' without one; raises InputInvalid."""
        url = request.args.get("webhook_url")
        return self._check(url, "/query/webhook_url") if url else ""

    def _check(self, url: object, pointer: str) -> str:
        if not self._is_on:
            detail = "webhooks are off here; leave it out and poll, or ask the operator to set ROWCALL_WEBHOOKS"
            raise InputInvalid([FieldNote(pointer, FieldErrorCode.WEBHOOKS_OFF, detail)])
        try:
            read_webhook_url(url, self._allowed)
        except WebhookUrlRefused as refused:
            raise InputInvalid([FieldNote(pointer, FieldErrorCode.WEBHOOK_URL_REFUSED, str(refused))]) from refused
        return str(url)


def make_prediction_webhooks_blueprint(outbox: RedisWebhookOutbox, jobs: OwnedJobs) -> Blueprint:
    """Return the route that sends the message of a job again, whether it was delivered or given up."""
    blueprint = Blueprint("prediction_webhooks", __name__)

    @blueprint.post("/v1/predictions/<job_id>/webhook/redeliver")
    def redeliver_prediction(job_id: str) -> Response:
        job = jobs.require(job_id, current_caller())
        if not job.status.is_final or not outbox.redeliver_job(job.id):
            raise NoWebhookMessage(_NONE)
        log.info("webhook asked for again", extra={"job_id": job_id})
        return json_response(job_document(jobs.require(job_id, current_caller())), 202)

    return blueprint


def make_batch_webhooks_blueprint(outbox: RedisWebhookOutbox, batches: OwnedBatches) -> Blueprint:
    """Return the route that sends the message of a batch again."""
    blueprint = Blueprint("batch_webhooks", __name__)

    @blueprint.post("/v1/batches/<batch_id>/webhook/redeliver")
    def redeliver_batch(batch_id: str) -> Response:
        batch = batches.require(batch_id, current_caller())
        if not batch.status.is_final or not outbox.redeliver_batch(batch.id):
            raise NoWebhookMessage(_NONE)
        log.info("webhook asked for again", extra={"batch_id": batch_id})
        return json_response(batch_document(batches.require(batch_id, current_caller())), 202)

    return blueprint
