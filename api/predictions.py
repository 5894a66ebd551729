"""Blueprint: submit, read and cancel predictions, and the synchronous short-cut."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from flask import Blueprint, Response, request
from flask.globals import request_ctx

from api.callers import Caller, current_caller
from api.greenlets import call_blocking
from api.ids import JobIds
from api.owned import OwnedJobs
from api.problems import job_problem, problem_response
from api.representations import job_document, job_headers, job_output, job_url, json_response
from api.request_headers import RequestHeaders, WaitPreference, find_wait, read_deadline_seconds
from api.submissions import PreparedJob, Submissions, read_envelope, read_json
from api.waiters import Waiters
from shared.errors import JobAlreadyFinal, StoreUnavailable, WaitTimedOut
from shared.job_store import CancelVerdict, JobStore
from shared.jobs import Job, JobStatus
from shared.settings import Settings

SUBMIT_PATH = "/v1/predictions"


#: Key of the WSGI environment under which a request comes with the job that was taken on for it.
TAKEN_ON = "rowcall.taken_on"


@dataclass(frozen=True, slots=True)
class Order:
    """A checked request for a new job, and how long its client wants to wait; None: not at all."""

    prepared: PreparedJob
    wait: WaitPreference | None


class TakenOn(NamedTuple):
    """An accepted job as it stands; has_waited: its client did, which it does not when too many others do."""

    order: Order
    job: Job
    has_waited: bool


def submission_answer(order: Order, job: Job) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, document and headers of the answer to `POST /v1/predictions`."""
    headers = {"Location": job_url(job.id), **job_headers(job)}
    if order.wait and job.status.is_final:
        headers["Preference-Applied"] = order.wait.applied
    return 200 if job.status.is_final else 202, job_document(job), headers


def find_predict_name(path: str) -> str | None:
    """Return the model that the path `/v1/models/{name}/predict` names; None for any other path."""
    if not path.startswith("/v1/models/") or not path.endswith("/predict"):
        return None
    name = path[len("/v1/models/") : -len("/predict")]
    return name if name and "/" not in name else None


class Predictions:
    """The routes of jobs that hold predictions."""

    def __init__(
        self, jobs: JobStore, submissions: Submissions, waiters: Waiters, ids: JobIds, settings: Settings
    ) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._waiters = waiters
        self._owned = OwnedJobs(jobs, ids)
        self._settings = settings

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("predictions", __name__)
        for rule, method, view in (
            (SUBMIT_PATH, "POST", self.submit_prediction),
            ("/v1/predictions/<job_id>", "GET", self.read_prediction),
            ("/v1/predictions/<job_id>/cancel", "POST", self.cancel_prediction),
            ("/v1/models/<name>/predict", "POST", self.predict),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def never_blocks(self, method: str, path: str) -> bool:
        """Say whether the view of this request would wait, just now, for nothing but other requests' answers."""
        is_new_job = path == SUBMIT_PATH or (find_predict_name(path) is not None)
        return is_new_job and method == "POST" and self._submissions.never_block()

    def submit_prediction(self) -> Response:
        asked = request_ctx.request
        order, job, _ = asked.environ.get(TAKEN_ON) or self.take_on(
            self.order_from_envelope(read_json(asked), asked.headers, current_caller())
        )
        status, document, headers = submission_answer(order, job)
        return _with_etag(json_response(document, status, headers))

    def predict(self, name: str) -> Response:
        asked = request_ctx.request
        order, job, has_waited = asked.environ.get(TAKEN_ON) or self.take_on(
            self.order_from_input(
                read_json(asked), asked.headers, current_caller(), name=name, version=asked.args.get("version")
            )
        )
        headers = {"Location": job_url(job.id), **job_headers(job)}
        if job.status is JobStatus.SUCCEEDED:
            return json_response(job_output(job), 200, headers)
        if job.status.is_final:
            return job_problem(job, headers)
        if not has_waited or order.wait is None:
            return json_response(job_document(job), 202, headers)
        detail = f"Not finished after {order.wait.seconds:g} s. It goes on: read it at {job_url(job.id)}."
        return problem_response(504, WaitTimedOut.code, detail, retryable=True, headers=headers, job_id=job.id)

    def order_from_envelope(self, document: object, headers: RequestHeaders, caller: Caller) -> Order:
        """Check the body of `POST /v1/predictions`; raises what `Submissions.prepare` does, and RequestMalformed."""
        name, version, records = read_envelope(document)
        return self._make_order(records, headers, caller, name=name, version=version, pointer="/input")

    def order_from_input(
        self, records: object, headers: RequestHeaders, caller: Caller, *, name: str, version: str | None = None
    ) -> Order:
        """Check the body of `POST /v1/models/{name}/predict`, which always waits; raises the same."""
        order = self._make_order(records, headers, caller, name=name, version=version, pointer="")
        return order if order.wait else replace(order, wait=WaitPreference(self._settings.default_wait_seconds))

    def _make_order(
        self,
        records: object,
        headers: RequestHeaders,
        caller: Caller,
        *,
        name: str | None,
        version: str | None,
        pointer: str,
    ) -> Order:
        prepared = self._submissions.prepare(
            records,
            name=name,
            version=version,
            pointer=pointer,
            deadline_seconds=read_deadline_seconds(headers, self._settings),
            reply_to=self._waiters.reply_to,
            owner=caller.owner,
        )
        return Order(prepared, find_wait(headers, self._settings))

    def take_on(self, order: Order) -> TakenOn:
        """Accept the job and wait for it as asked; raises what acceptance failed of."""
        wait, prepared = order.wait, order.prepared
        if wait is None:
            return TakenOn(order, self._submissions.add(prepared).accepted_job(), has_waited=False)
        spec = prepared.spec
        with self._waiters.maker_place(spec.id) as maker:
            if maker is None:
                return TakenOn(order, self._submissions.add(prepared).accepted_job(), has_waited=False)
            ticket = self._submissions.add(prepared, result=maker.ended)
            maker.ended.wait(wait.seconds)
            if maker.end is not None:
                return TakenOn(order, maker.end.job(spec), has_waited=True)
            accepted = ticket.accepted_job()
            try:
                found = call_blocking(self._jobs.find, spec.id)
            except StoreUnavailable:
                # It is promised: the client must learn its id, not an error.
                found = None
            return TakenOn(order, found or accepted, has_waited=True)

    def read_prediction(self, job_id: str) -> Response:
        wait = find_wait(request.headers, self._settings)
        job = self._owned.require(job_id, current_caller())
        if wait is not None and not job.status.is_final:
            job = self._owned.require_found(self._wait(job, wait), job_id, current_caller())
        response = _with_etag(json_response(job_document(job), 200, job_headers(job)))
        response.make_conditional(request)
        return response

    def _wait(self, job: Job, wait: WaitPreference) -> Job | None:
        """Return the job once it is final, or as it stands after so long; None when it is gone meanwhile."""
        is_told = job.spec.reply_to == self._waiters.reply_to
        with self._waiters.reader_place(job.id, is_told=is_told) as reader:
            # Once more, now that its end cannot be missed.
            found = self._jobs.find(job.id)
            if found is None or found.status.is_final or reader is None:
                return found
            reader.ended.wait(wait.seconds)
            return self._jobs.find(job.id) if reader.end is None else reader.end.job(job.spec)

    def cancel_prediction(self, job_id: str) -> Response:
        self._owned.require(job_id, current_caller())
        verdict = self._jobs.cancel(job_id)
        job = self._owned.require(job_id, current_caller())
        if verdict is CancelVerdict.FINAL:
            raise JobAlreadyFinal(f"The prediction is already {job.status.value}; there is nothing left to cancel.")
        return json_response(job_document(job), 202 if verdict is CancelVerdict.RUNNING else 200, job_headers(job))


def _with_etag(response: Response) -> Response:
    response.add_etag()
    return response
