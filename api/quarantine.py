"""Blueprint: look at the jobs in quarantine, begin them again, or drop them. For operators only."""

import logging
from typing import Any

from flask import Blueprint, Response, request

from api.ids import BATCH_PREFIX, JobIds
from api.representations import error_document, job_url, json_response, show_time
from api.served_models import ServedModels
from shared.batch_store import BatchStore
from shared.broker import Broker
from shared.errors import (
    BatchGone,
    BrokerUnavailable,
    JobAlreadyFinal,
    ModelNotFound,
    NoModelServed,
    NotInQuarantine,
    RequestMalformed,
)
from shared.job_store import JobStore
from shared.jobs import BatchStep, JobSpec, Row, StepKind
from shared.quarantine import CursorInvalid, Quarantined, RedisQuarantine, ResumeVerdict, make_successor

log = logging.getLogger(__name__)

#: Messages that a redrive sends itself; what a large batch needs beyond it is sent by the sweeper.
SENT_AT_ONCE = 100


class Quarantine:
    """The routes of jobs that were set aside."""

    def __init__(
        self,
        *,
        quarantine: RedisQuarantine,
        jobs: JobStore,
        batches: BatchStore,
        broker: Broker,
        models: ServedModels,
        ids: JobIds,
    ) -> None:
        self._quarantine = quarantine
        self._jobs = jobs
        self._batches = batches
        self._broker = broker
        self._models = models
        self._ids = ids

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("quarantine", __name__)
        for rule, method, view in (
            ("/v1/quarantine", "GET", self.list_quarantine),
            ("/v1/quarantine/<job_id>", "GET", self.show_quarantined),
            ("/v1/quarantine/<job_id>", "DELETE", self.drop_quarantined),
            ("/v1/quarantine/<job_id>/redrive", "POST", self.redrive_quarantined),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def list_quarantine(self) -> Response:
        try:
            page = self._quarantine.page(request.args.get("cursor"))
        except CursorInvalid as error:
            raise RequestMalformed("This cursor is none of ours; take it from next_cursor of a page.") from error
        data = [_document(one) for one in page.jobs]
        return json_response({"object": "list", "data": data, "next_cursor": page.next_cursor})

    def show_quarantined(self, job_id: str) -> Response:
        one = self._get(job_id)
        return json_response(_document(one) | {"input": self._input(one.job.spec), "chunk": self._chunk(one)})

    def drop_quarantined(self, job_id: str) -> Response:
        if not self._quarantine.drop(self._get(job_id)):
            raise NotInQuarantine
        log.warning("job dropped from quarantine", extra={"job_id": job_id})
        return Response(status=204)

    def redrive_quarantined(self, job_id: str) -> Response:
        one = self._quarantine.find(job_id)
        if one is None:
            return self._repeat_redrive(job_id)
        step = one.job.spec.step
        successor = self._redrive(one) if step is None else self._resume(one, step)
        log.warning("job redriven from quarantine", extra={"job_id": job_id, "as": successor})
        return _redrive_document(job_id, successor)

    def _repeat_redrive(self, job_id: str) -> Response:
        """Answer once more for a job that was redriven before: the first answer may have been lost."""
        job = self._jobs.find(job_id)
        if job is None or job.redriven_as is None:
            raise NotInQuarantine("No job under this id is in quarantine.")
        return _redrive_document(job_id, job.redriven_as)

    def _redrive(self, one: Quarantined) -> str:
        redriven = self._quarantine.redrive(one, self._ids.new(owner=one.job.spec.owner))
        if redriven is None:
            raise NotInQuarantine
        self._send([make_successor(one.job.spec, redriven.id)], enqueued_at=redriven.accepted_at)
        return redriven.id

    def _resume(self, one: Quarantined, step: BatchStep) -> str:
        batch = self._batches.find(step.batch_id)
        if batch is None:
            raise BatchGone("The batch of this step is past its retention; drop the step.")
        verdict, steps = self._quarantine.resume(one, batch)
        if verdict is not ResumeVerdict.RESUMED:
            raise JobAlreadyFinal(f"The batch ended as {batch.status.value} for another reason; drop the step.")
        self._send(list(steps)[:SENT_AT_ONCE], enqueued_at=batch.read_at)
        return batch.id

    def _send(self, specs: list[JobSpec], *, enqueued_at: float) -> None:
        try:
            for spec in specs:
                self._broker.send([spec], enqueued_at=enqueued_at)
        except BrokerUnavailable as error:
            log.warning("messages left to the sweeper", extra={"detail": error.detail})

    def _get(self, job_id: str) -> Quarantined:
        one = self._quarantine.find(job_id)
        if one is None:
            raise NotInQuarantine("No job under this id is in quarantine.")
        return one

    def _input(self, spec: JobSpec) -> Any:
        """Return the input as its client sent it; None for a step of a batch, whose input is a file."""
        if spec.step is not None:
            return None
        try:
            names = [one.name for one in self._models.get(spec.model.name, spec.model.version).manifest.features]
        except (ModelNotFound, NoModelServed):
            # The workers no longer serve it: values in the order of its manifest.
            names = []
        records = [_record(names, row) for row in spec.rows]
        return records[0] if spec.is_single else records

    def _chunk(self, one: Quarantined) -> dict[str, int] | None:
        """Return which rows of the file a chunk holds; None for anything else."""
        step = one.job.spec.step
        if step is None or step.kind is not StepKind.CHUNK:
            return None
        (chunk,) = self._batches.chunks(step.batch_id, [step.index])
        return {"first_row": chunk.first_row, "rows": chunk.rows, "start_byte": chunk.start, "stop_byte": chunk.stop}


def _record(names: list[str], row: Row) -> Any:
    return dict(zip(names, row, strict=True)) if len(names) == len(row) else row


def _document(one: Quarantined) -> dict[str, Any]:
    spec = one.job.spec
    step = spec.step
    url = f"/v1/quarantine/{spec.id}"
    return {
        "id": spec.id,
        "object": "quarantined_job",
        "model": {"name": spec.model.name, "version": spec.model.version, "sha256": spec.model.sha256},
        "rows": len(spec.rows) if step is None else None,
        "step": step and {"batch_id": step.batch_id, "kind": step.kind.value, "index": step.index},
        "attempt": one.job.attempt,
        "error": error_document(one.job),
        "created_at": show_time(one.job.created_at),
        "quarantined_at": show_time(one.job.completed_at),
        "kept_until": show_time(one.kept_until),
        "urls": {"get": url, "redrive": f"{url}/redrive"},
    }


def _url_of(successor: str) -> str:
    return f"/v1/batches/{successor}" if successor.startswith(BATCH_PREFIX) else job_url(successor)


def _redrive_document(job_id: str, successor: str) -> Response:
    url = _url_of(successor)
    document = {"id": job_id, "object": "redrive", "redriven_as": successor, "urls": {"get": url}}
    return json_response(document, 202, {"Location": url})
