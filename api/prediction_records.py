"""Blueprint: list predictions, follow one, try it again, delete it."""

import logging
from collections.abc import Iterator

from flask import Blueprint, Response, request

from api.callers import Caller, current_caller
from api.events import EventId, Look, Stream, event_response, look_at_job, read_last_id
from api.followers import Followers
from api.group_commit import GroupCommit
from api.list_query import read_list_query
from api.owned import OwnedJobs
from api.rate_limits import RateLimits
from api.refusals import Overloaded
from api.representations import job_document, job_headers, job_url, json_response, listed_document
from shared.errors import JobGone, JobNotFound, JobNotRetryable
from shared.job_store import JobStore
from shared.job_terms import RetryVerdict
from shared.jobs import Job, JobStatus, new_token
from shared.settings import Settings

log = logging.getLogger(__name__)


class PredictionRecords:
    """The routes of predictions that are there already."""

    def __init__(
        self,
        jobs: JobStore,
        owned: OwnedJobs,
        group: GroupCommit,
        followers: Followers,
        rates: RateLimits,
        settings: Settings,
    ) -> None:
        self._jobs = jobs
        self._owned = owned
        self._group = group
        self._followers = followers
        self._rates = rates
        self._settings = settings

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("prediction_records", __name__)
        one = "/v1/predictions/<job_id>"
        for rule, method, view in (
            ("/v1/predictions", "GET", self.list_predictions),
            (one, "DELETE", self.delete_prediction),
            (f"{one}/retry", "POST", self.retry_prediction),
            (f"{one}/events", "GET", self.follow_prediction),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def list_predictions(self) -> Response:
        query = read_list_query(request.args, [status.value for status in JobStatus])
        page = self._jobs.page(
            current_caller().owner,
            limit=query.limit,
            status=JobStatus(query.status) if query.status else None,
            model=query.model,
            cursor=query.cursor,
        )
        data = [listed_document(job) for job in page.jobs]
        return json_response({"object": "list", "data": data, "next_cursor": page.next_cursor})

    def delete_prediction(self, job_id: str) -> Response:
        self._jobs.delete(self._owned.require(job_id, current_caller()).id)
        return Response(status=204)

    def retry_prediction(self, job_id: str) -> Response:
        caller = current_caller()
        job = self._owned.require(job_id, caller)
        verdict, seconds = self._jobs.retry(job.spec, new_token(), rate=caller.rate)
        if verdict is RetryVerdict.SPENT and caller.rate is not None:
            raise self._rates.refusal(caller.rate)
        if verdict is RetryVerdict.FULL:
            raise Overloaded(seconds)
        if verdict is RetryVerdict.INPUT_DROPPED:
            raise JobNotRetryable("The input of this prediction is kept no longer; submit it again.")
        if verdict is RetryVerdict.NOT_RETRYABLE:
            raise JobNotRetryable(f"The prediction is {job.status.value}; only one that failed or expired is retried.")
        if verdict is RetryVerdict.QUEUED:
            self._group.send_alone(job.spec, enqueued_at=seconds)
        again = self._owned.require_found(self._jobs.find(job.id), job_id, caller)
        return json_response(job_document(again), 202, {"Location": job_url(job_id), **job_headers(again)})

    def follow_prediction(self, job_id: str) -> Response:
        caller = current_caller()
        job = self._owned.require(job_id, caller)
        last_id = read_last_id(request.headers.get("Last-Event-ID"))
        return event_response(self._events(job_id, job, caller, last_id))

    def _events(self, job_id: str, job: Job, caller: Caller, last_id: EventId) -> Iterator[bytes]:
        def look() -> Look | None:
            try:
                return look_at_job(self._owned.require_found(self._jobs.find(job.id), job_id, caller))
            except (JobGone, JobNotFound):
                return None

        with self._followers.place(f"job:{job.id}") as follower:
            yield from Stream(look_at_job(job), look, follower, self._settings.max_wait_seconds, last_id).run()
