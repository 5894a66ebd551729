"""Blueprint: submit, read and cancel predictions, and the synchronous short-cut."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, request
from flask.globals import request_ctx

from api.callers import Caller, current_caller
from api.group_commit import AcceptedBefore
from api.orders import Begun, Order, TakenOn
from api.owned import OwnedJobs
from api.problems import job_problem, problem_response
from api.representations import job_document, job_headers, job_output, job_url, json_response
from api.request_headers import RequestHeaders, WaitPreference, find_wait, read_deadline_seconds
from api.submissions import Envelope, Submissions, read_envelope, read_json
from api.terms import USUAL, Terms, find_once, hash_document, is_client_id, read_retain_for, record_id_of
from api.waiters import Waiters
from api.webhooks import WebhookChoice
from shared.errors import (
    FieldNote,
    IdempotencyKeyReused,
    IdTaken,
    InputInvalid,
    JobAlreadyFinal,
    JobGone,
    NoPlaceToWait,
    RequestMalformed,
    StoreUnavailable,
    WaitTimedOut,
)
from shared.job_store import CancelVerdict, JobStore
from shared.job_terms import Earlier
from shared.jobs import Job, JobStatus, Once
from shared.settings import Settings

SUBMIT_PATH = "/v1/predictions"
PREDICT_RULE = "/v1/models/<name>/predict"
READ_RULE = "/v1/predictions/<job_id>"

#: Key of the WSGI environment under which a request comes with the job that was taken on for it.
TAKEN_ON = "rowcall.taken_on"


def answer_headers(taken_on: TakenOn) -> dict[str, str]:
    """Return the headers of every answer to a request for a new job."""
    job = taken_on.job
    headers = {"Location": job_url(job.spec.shown_id), **job_headers(job)}
    if taken_on.is_replayed:
        headers["Idempotency-Replayed"] = "true"
    return headers


def submission_answer(taken_on: TakenOn) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, document and headers of the answer to `POST /v1/predictions`."""
    order, job = taken_on.order, taken_on.job
    headers = answer_headers(taken_on)
    if order.wait and job.status.is_final:
        headers["Preference-Applied"] = order.wait.applied
    return 200 if job.status.is_final else 202, job_document(job), headers


@lru_cache
def find_predict_name(path: str) -> str | None:
    """Return the model that the path `/v1/models/{name}/predict` names; None for any other path."""
    if not path.startswith("/v1/models/") or not path.endswith("/predict"):
        return None
    name = path[len("/v1/models/") : -len("/predict")]
    return name if name and "/" not in name else None


def find_job_id(path: str) -> str | None:
    """Return the job that the path `/v1/predictions/{id}` names; None for any other path. Ids are ASCII."""
    if not path.startswith("/v1/predictions/") or not path.isascii():
        return None
    job_id = path[len("/v1/predictions/") :]
    return job_id if job_id and "/" not in job_id else None


class Predictions:
    """The routes of jobs that hold predictions."""

    def __init__(
        self, jobs: JobStore, owned: OwnedJobs, submissions: Submissions, waiters: Waiters, settings: Settings
    ) -> None:
        self._jobs = jobs
        self._owned = owned
        self._reads = owned.reads
        self._submissions = submissions
        self._waiters = waiters
        self._webhooks = WebhookChoice(settings)
        self._settings = settings
        #: Of those who say nothing, on the routes that always wait.
        self._usual_wait = WaitPreference(settings.default_wait_seconds)
        #: Theirs too: patience matters only where a wait can be too long.
        is_limited = settings.max_queue_seconds > 0
        self._usual_terms = Terms(patience_seconds=self._usual_wait.seconds) if is_limited else USUAL

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("predictions", __name__)
        for rule, method, view in (
            (SUBMIT_PATH, "POST", self.submit_prediction),
            (READ_RULE, "PUT", self.put_prediction),
            (READ_RULE, "GET", self.read_prediction),
            ("/v1/predictions/<job_id>/cancel", "POST", self.cancel_prediction),
            (PREDICT_RULE, "POST", self.predict),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def never_blocks(self, method: str, path: str) -> bool:
        """Say whether the view of this request would wait, just now, for nothing but other requests' answers."""
        if method == "GET":
            return find_job_id(path) is not None
        is_new_job = path == SUBMIT_PATH or (find_predict_name(path) is not None)
        return is_new_job and method == "POST" and self._submissions.never_block()

    def submit_prediction(self) -> Response:
        asked = request_ctx.request
        taken_on = asked.environ.get(TAKEN_ON) or self.take_on(
            self.order_from_envelope(read_json(asked), asked.headers, current_caller())
        )
        status, document, headers = submission_answer(taken_on)
        return _with_etag(json_response(document, status, headers))

    def put_prediction(self, job_id: str) -> Response:
        if not is_client_id(job_id):
            raise RequestMalformed(
                "An id of your own is 1 to 64 letters, digits, - and _, and begins with a letter or digit, "
                "but not with prd_ or bat_; those ids are made here."
            )
        asked = request_ctx.request
        taken_on = self._put(self.order_from_envelope(read_json(asked), asked.headers, current_caller(), job_id))
        status, document, headers = submission_answer(taken_on)
        return _with_etag(json_response(document, 200 if taken_on.is_replayed else status, headers))

    def _put(self, order: Order) -> TakenOn:
        """Take on a job under the id that its client made; raises what acceptance failed of, and IdTaken."""
        try:
            job = self._submissions.add_alone(order.prepared)
        except AcceptedBefore as found:
            return self._answer_again(order, found.earlier)
        if order.wait is None:
            return TakenOn(order, job, has_waited=False)
        try:
            return TakenOn(order, self._wait(job, order.wait) or job, has_waited=True)
        except StoreUnavailable:
            # It is promised: the client must not learn an error.
            return TakenOn(order, job, has_waited=True)

    def predict(self, name: str) -> Response:
        asked = request_ctx.request
        taken_on = asked.environ.get(TAKEN_ON) or self.take_on(
            self.order_from_input(read_json(asked), asked.headers, current_caller(), name=name, query=asked.args)
        )
        job = taken_on.job
        if job.status is JobStatus.SUCCEEDED:
            return json_response(job_output(job), 200, answer_headers(taken_on))
        if not job.status.is_final and not taken_on.has_waited:
            return json_response(job_document(job), 202, answer_headers(taken_on))
        return _unsuccessful_answer(taken_on)

    def answer_when_done(
        self,
        records: list[Any],
        show: Callable[[TakenOn], Response],
        *,
        name: str,
        version: str,
        pointer: str,
        wait_seconds: float | None = None,
    ) -> Response:
        """Take on a job for the present request, and wait: other protocols know no answer before the last one.

        show: makes the answer of a job that succeeded. wait_seconds: what the client asks for in its own way.
        Raises what `Submissions.prepare` does, RequestMalformed, and NoPlaceToWait: then nothing was promised.
        """
        order = self.order_from_input(
            records,
            request.headers,
            current_caller(),
            name=name,
            query={"version": version},
            pointer=pointer,
            wait=None if wait_seconds is None else WaitPreference(min(wait_seconds, self._settings.max_wait_seconds)),
        )
        taken_on = self.take_on(order, must_wait=True)
        return show(taken_on) if taken_on.job.status is JobStatus.SUCCEEDED else _unsuccessful_answer(taken_on)

    def order_from_envelope(
        self, document: object, headers: RequestHeaders, caller: Caller, client_id: str | None = None
    ) -> Order:
        """Check the body of `POST /v1/predictions`; raises what `Submissions.prepare` does, and RequestMalformed.

        client_id: the id that the client makes itself, with `PUT`.
        """
        envelope = read_envelope(document, longest_retention=self._settings.retention_seconds)
        owner, terms = caller.owner, envelope.terms
        if client_id is not None:
            once: Once | None = Once("", hash_document(SUBMIT_PATH, document))
            record_id = record_id_of(client_id, owner=owner)
            terms = replace(terms, client_id=client_id, record_id=record_id, once=once)
        elif (once := find_once(headers, owner=owner, route=SUBMIT_PATH, document=document)) is not None:
            terms = replace(terms, once=once)
        assert isinstance(document, dict)
        if "webhook" in document:
            terms = replace(terms, webhook_url=self._webhooks.from_body(document))
        wait = find_wait(headers, self._settings)
        return self._make_order(envelope, headers, caller, terms, pointer="/input", wait=wait)

    def order_from_input(
        self,
        records: object,
        headers: RequestHeaders,
        caller: Caller,
        *,
        name: str,
        query: Mapping[str, str] | None = None,
        pointer: str = "",
        wait: WaitPreference | None = None,
    ) -> Order:
        """Check the body of `POST /v1/models/{name}/predict`, which always waits; raises the same.

        wait: what the client asks for in its own way.
        """
        version = query.get("version") if query else None
        terms = self._usual_terms
        if query or headers.get("Idempotency-Key") is not None:
            terms = self._read_terms(headers, caller, route=f"{name}/{version}", query=query or {}, document=records)
        wait = wait or find_wait(headers, self._settings)
        if wait is None:
            wait = self._usual_wait
        elif terms.patience_seconds is not None:
            terms = replace(terms, patience_seconds=wait.seconds)
        envelope = Envelope(name, version, records, terms)
        return self._make_order(envelope, headers, caller, terms, pointer=pointer, wait=wait)

    def _read_terms(
        self, headers: RequestHeaders, caller: Caller, *, route: str, query: Mapping[str, str], document: object
    ) -> Terms:
        """Return what the query and `Idempotency-Key` ask for; raises InputInvalid and RequestMalformed."""
        errors: list[FieldNote] = []
        longest = self._settings.retention_seconds
        retain_seconds = read_retain_for(query.get("retain_for"), longest=longest, errors=errors)
        if errors:
            raise InputInvalid(errors)
        once = find_once(headers, owner=caller.owner, route=f"{route}/{retain_seconds}", document=document)
        return Terms(retain_seconds, once=once, patience_seconds=self._usual_terms.patience_seconds)

    def _make_order(
        self,
        envelope: Envelope,
        headers: RequestHeaders,
        caller: Caller,
        terms: Terms,
        *,
        pointer: str,
        wait: WaitPreference | None,
    ) -> Order:
        prepared = self._submissions.prepare(
            envelope.input,
            name=envelope.model,
            version=envelope.version,
            pointer=pointer,
            deadline_seconds=read_deadline_seconds(headers, self._settings),
            reply_to=self._waiters.reply_to,
            caller=caller,
            terms=terms,
        )
        return Order(prepared, wait)

    def take_on(self, order: Order, *, must_wait: bool = False) -> TakenOn:
        """Accept the job and wait for it as asked; raises what `begin` and `finish` do."""
        with self.begin(order, must_wait=must_wait) as begun:
            begun.flag.wait(begun.wait_seconds)
            return self.finish(begun)

    def begin(self, order: Order, *, must_wait: bool = False) -> "Begun":
        """Give the job to its group; then wait for its flag, and `finish` it within the block.

        must_wait: accept nothing, and raise NoPlaceToWait, when too many requests wait already.
        Raises RateLimited, if it is known here that nothing is left.
        """
        place = None if order.wait is None else self._waiters.maker_place(order.prepared.spec.id)
        begun = Begun(order, place)
        if must_wait and begun.maker is None:
            raise NoPlaceToWait("Too many requests wait for their results already; try again soon.")
        try:
            begun.ticket = self._submissions.add(
                order.prepared, result=None if begun.maker is None else begun.maker.ended
            )
        except BaseException:
            # It may be refused here already, and the block that gives the place up has not begun.
            begun.leave()
            raise
        return begun

    def finish(self, begun: "Begun") -> TakenOn:
        """Return the job as it stands now that the wait is over.

        Raises what acceptance failed of, IdempotencyKeyReused and JobGone. Blocks nothing if the job `is_known`.
        """
        order, maker = begun.order, begun.maker
        if maker is not None and maker.end is not None:
            return TakenOn(order, maker.end.job(order.prepared.spec), has_waited=True)
        try:
            accepted = begun.ticket.accepted_job()
        except AcceptedBefore as found:
            begun.leave()
            return self._answer_again(order, found.earlier)
        if maker is None:
            return TakenOn(order, accepted, has_waited=False)
        try:
            job = self._reads.find(accepted.id)
        except StoreUnavailable:
            # It is promised: the client must learn its id, not an error.
            job = None
        return TakenOn(order, job or accepted, has_waited=True)

    def _answer_again(self, order: Order, earlier: Earlier) -> TakenOn:
        """Answer with the job that was accepted before; raises JobGone when nothing of it is kept."""
        if not earlier.is_same:
            if order.prepared.spec.client_id is not None:
                raise IdTaken("You gave this id to another prediction; give each its own.")
            raise IdempotencyKeyReused("This Idempotency-Key came with another request before; use each for one.")
        job = self._reads.find(earlier.job_id)
        if job is None or (job.spec.retain_seconds == 0 and job.status.is_final):
            raise JobGone("The prediction was accepted before, and nothing of it is kept any more.")
        if order.wait is None or job.status.is_final:
            return TakenOn(order, job, has_waited=False, is_replayed=True)
        found = self._wait(job, order.wait)
        if found is None:
            raise JobGone("The prediction was accepted before, and was deleted.")
        return TakenOn(order, found, has_waited=True, is_replayed=True)

    def read_prediction(self, job_id: str) -> Response:
        job = self.read(job_id, request.headers, current_caller())
        response = _with_etag(json_response(job_document(job), 200, job_headers(job)))
        response.make_conditional(request)
        return response

    def read(self, job_id: str, headers: RequestHeaders, caller: Caller) -> Job:
        """Return a job of this caller, once it is final if so asked; raises what `OwnedJobs.require` does."""
        wait = find_wait(headers, self._settings)
        job = self._owned.require(job_id, caller)
        if wait is None or job.status.is_final:
            return job
        return self._owned.require_found(self._wait(job, wait), job_id, caller)

    def _wait(self, job: Job, wait: WaitPreference) -> Job | None:
        """Return the job once it is final, or as it stands after so long; None when it is gone meanwhile."""
        is_told = job.spec.reply_to == self._waiters.reply_to
        with self._waiters.reader_place(job.id, is_told=is_told) as reader:
            # Once more, now that its end cannot be missed.
            found = self._reads.find(job.id)
            if found is None or found.status.is_final or reader is None:
                return found
            reader.ended.wait(wait.seconds)
            if reader.end is None:
                return self._reads.find(job.id)
            return reader.end.job(found.spec, retries=found.retries, retried_at=found.retried_at)

    def cancel_prediction(self, job_id: str) -> Response:
        caller = current_caller()
        found = self._owned.require(job_id, caller)
        verdict = self._jobs.cancel(found.id)
        job = self._owned.require_found(self._jobs.find(found.id), job_id, caller)
        if verdict is CancelVerdict.FINAL:
            raise JobAlreadyFinal(f"The prediction is already {job.status.value}; there is nothing left to cancel.")
        return json_response(job_document(job), 202 if verdict is CancelVerdict.RUNNING else 200, job_headers(job))


def _unsuccessful_answer(taken_on: TakenOn) -> Response:
    """Return the problem of a job that has no prediction, or none yet."""
    order, job = taken_on.order, taken_on.job
    headers = answer_headers(taken_on)
    if job.status.is_final:
        return job_problem(job, headers)
    assert order.wait is not None
    detail = f"Not finished after {order.wait.seconds:g} s. It goes on: read it at {headers['Location']}."
    return problem_response(504, WaitTimedOut.code, detail, retryable=True, headers=headers, job_id=job.id)


def _with_etag(response: Response) -> Response:
    response.add_etag()
    return response
