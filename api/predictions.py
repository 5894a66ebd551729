"""Blueprint: submit, read and cancel predictions, and the synchronous short-cut."""

from flask import Blueprint, Response, request
from flask.globals import request_ctx

from api.greenlets import call_blocking
from api.ids import JobIds
from api.problems import job_problem, problem_response
from api.representations import job_document, job_headers, job_output, job_url, json_response
from api.request_headers import WaitPreference, find_wait, read_deadline_seconds
from api.submissions import PreparedJob, Submissions, read_envelope, read_json
from api.waiters import Waiters
from shared.errors import JobAlreadyFinal, JobGone, JobNotFound, StoreUnavailable, WaitTimedOut
from shared.job_store import CancelVerdict, JobStore
from shared.jobs import Job, JobStatus
from shared.settings import Settings

_SUBMIT_PATH = "/v1/predictions"


class Predictions:
    """The routes of jobs that hold predictions."""

    def __init__(
        self, jobs: JobStore, submissions: Submissions, waiters: Waiters, ids: JobIds, settings: Settings
    ) -> None:
        self._jobs = jobs
        self._submissions = submissions
        self._waiters = waiters
        self._ids = ids
        self._settings = settings

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("predictions", __name__)
        for rule, method, view in (
            (_SUBMIT_PATH, "POST", self.submit_prediction),
            ("/v1/predictions/<job_id>", "GET", self.read_prediction),
            ("/v1/predictions/<job_id>/cancel", "POST", self.cancel_prediction),
            ("/v1/models/<name>/predict", "POST", self.predict),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def never_blocks(self, method: str, path: str) -> bool:
        """Say whether the view of this request would wait, just now, for nothing but other requests' answers."""
        is_new_job = path == _SUBMIT_PATH or (path.startswith("/v1/models/") and path.endswith("/predict"))
        return is_new_job and method == "POST" and self._submissions.never_block()

    def submit_prediction(self) -> Response:
        asked = request_ctx.request
        wait = find_wait(asked.headers, self._settings)
        deadline_seconds = read_deadline_seconds(asked.headers, self._settings)
        name, version, records = read_envelope(read_json(asked))
        prepared = self._submissions.prepare(
            records,
            name=name,
            version=version,
            pointer="/input",
            deadline_seconds=deadline_seconds,
            reply_to=self._waiters.reply_to,
        )
        job, _ = self._accept(prepared, wait)
        headers = {"Location": job_url(job.id), **job_headers(job)}
        if wait and job.status.is_final:
            headers["Preference-Applied"] = wait.applied
        return _with_etag(json_response(job_document(job), 200 if job.status.is_final else 202, headers))

    def predict(self, name: str) -> Response:
        asked = request_ctx.request
        wait = find_wait(asked.headers, self._settings) or WaitPreference(self._settings.default_wait_seconds)
        deadline_seconds = read_deadline_seconds(asked.headers, self._settings)
        prepared = self._submissions.prepare(
            read_json(asked),
            name=name,
            version=asked.args.get("version"),
            pointer="",
            deadline_seconds=deadline_seconds,
            reply_to=self._waiters.reply_to,
        )
        job, has_waited = self._accept(prepared, wait)
        headers = {"Location": job_url(job.id), **job_headers(job)}
        if job.status is JobStatus.SUCCEEDED:
            return json_response(job_output(job), 200, headers)
        if job.status.is_final:
            return job_problem(job, headers)
        if not has_waited:
            return json_response(job_document(job), 202, headers)
        detail = f"Not finished after {wait.seconds:g} s. It goes on: read it at {job_url(job.id)}."
        return problem_response(504, WaitTimedOut.code, detail, retryable=True, headers=headers, job_id=job.id)

    def _accept(self, prepared: PreparedJob, wait: WaitPreference | None) -> tuple[Job, bool]:
        """Accept the job and wait for it as asked.

        Returns the job as it stands and whether this request waited for it: not when too many already do.
        """
        if wait is None:
            return self._submissions.add(prepared).accepted_job(), False
        spec = prepared.spec
        with self._waiters.maker_place(spec.id) as maker:
            if maker is None:
                return self._submissions.add(prepared).accepted_job(), False
            ticket = self._submissions.add(prepared, result=maker.ended)
            maker.ended.wait(wait.seconds)
            if maker.end is not None:
                return maker.end.job(spec), True
            accepted = ticket.accepted_job()
            try:
                return call_blocking(self._jobs.find, spec.id) or accepted, True
            except StoreUnavailable:
                # It is promised: the client must learn its id, not an error.
                return accepted, True

    def read_prediction(self, job_id: str) -> Response:
        wait = find_wait(request.headers, self._settings)
        job = self._find_and_wait(job_id, wait) if wait else self._jobs.find(job_id)
        job = self._require(job, job_id)
        response = _with_etag(json_response(job_document(job), 200, job_headers(job)))
        response.make_conditional(request)
        return response

    def _find_and_wait(self, job_id: str, wait: WaitPreference) -> Job | None:
        job = self._jobs.find(job_id)
        if job is None or job.status.is_final:
            return job
        is_told = job.spec.reply_to == self._waiters.reply_to
        with self._waiters.reader_place(job_id, is_told=is_told) as reader:
            # Once more, now that its end cannot be missed.
            job = self._jobs.find(job_id)
            if job is None or job.status.is_final or reader is None:
                return job
            reader.ended.wait(wait.seconds)
            return self._jobs.find(job_id) if reader.end is None else reader.end.job(job.spec)

    def cancel_prediction(self, job_id: str) -> Response:
        self._require(self._jobs.find(job_id), job_id)
        verdict = self._jobs.cancel(job_id)
        job = self._require(self._jobs.find(job_id), job_id)
        if verdict is CancelVerdict.FINAL:
            raise JobAlreadyFinal(f"The prediction is already {job.status.value}; there is nothing left to cancel.")
        return json_response(job_document(job), 202 if verdict is CancelVerdict.RUNNING else 200, job_headers(job))

    def _require(self, job: Job | None, job_id: str) -> Job:
        # The steps of batches are jobs too, but nobody's predictions.
        if job is not None and job.spec.step is None:
            return job
        if self._ids.is_ours(job_id):
            raise JobGone("The prediction existed; it is past its retention or was deleted.")
        raise JobNotFound("No prediction was ever given this id.")


def _with_etag(response: Response) -> Response:
    response.add_etag()
    return response
