"""A client may say where it wants to be told of the end, and have it told again."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from redis import Redis

from shared.batch_jobs import split_job
from shared.batch_store import CANCELED
from shared.batches import BatchStatus
from shared.job_store import WORKER_DIED
from shared.queues import Lane
from shared.settings import Settings
from shared.webhook_outbox import RedisWebhookOutbox
from shared.webhooks import DeliveryErrorCode
from tests.builders import batch_spec, success
from tests.fakes import FakeJobStore
from tests.timed_stores import TimedRedisJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of

URL = "https://receiver.example/hook"
CSV = "height,shoe_size\n181,44\n"


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> TimedRedisJobStore:
    return TimedRedisJobStore(redis, settings)


@pytest.fixture
def outbox(redis: Redis, settings: Settings) -> RedisWebhookOutbox:
    return RedisWebhookOutbox(redis, settings)


@pytest.fixture
def api(make_api: ApiMaker, jobs: TimedRedisJobStore) -> Api:
    """An API process on a real store, because the outbox lies in it."""
    own_store = cast("Callable[[Settings], FakeJobStore]", lambda _settings: jobs)
    return make_api(own_store, webhooks=True)


def submit(api: Api, webhook: object) -> Any:
    return api.submit(webhook=webhook)


def accepted(api: Api) -> str:
    """Return the id of a job with a webhook."""
    return str(document_of(submit(api, {"url": URL}))["id"])


def finish(jobs: TimedRedisJobStore, job_id: str) -> None:
    jobs.claim([job_id], "t1")
    jobs.finish(Lane.INTERACTIVE, {job_id: success()}, "t1", busy_seconds=0.01)


def read(api: Api, job_id: str) -> dict[str, Any]:
    return document_of(api.client.get(f"/v1/predictions/{job_id}"))


def note_of(response: Any) -> tuple[int, str, str]:
    """Return the status of a refusal, and what its only note points to and says."""
    (note,) = document_of(response)["errors"]
    return response.status_code, note["pointer"], note["code"]


def test_a_job_remembers_where_to_tell_of_its_end(api: Api) -> None:
    response = submit(api, {"url": URL})

    document = document_of(response)
    assert response.status_code == 202
    assert document["webhook_status"] is None
    assert document["webhook"] == {
        "url": URL,
        "attempts": 0,
        "last_status": None,
        "last_error": None,
        "next_attempt_at": None,
    }


@pytest.mark.parametrize("members", [{}, {"webhook": None}], ids=["left out", "null"])
def test_a_job_without_a_webhook_has_none(api: Api, members: dict[str, None]) -> None:
    document = document_of(api.submit(**members))

    assert (document["webhook"], document["webhook_status"]) == (None, None)


def test_a_job_that_has_just_ended_is_about_to_be_told(api: Api, jobs: TimedRedisJobStore) -> None:
    job_id = accepted(api)

    finish(jobs, job_id)

    document = read(api, job_id)
    assert (document["status"], document["webhook_status"]) == ("succeeded", "pending")


def test_a_job_says_how_far_its_message_has_come(
    api: Api, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    job_id = accepted(api)
    finish(jobs, job_id)
    (message,) = outbox.claim(most=1, most_of_one=1, in_hand={}).messages

    outbox.postpone(message, DeliveryErrorCode.REFUSED_BY_RECEIVER, 503, pause_seconds=5)
    waiting = read(api, job_id)
    outbox.failed(message, DeliveryErrorCode.REFUSED_BY_RECEIVER, 410)
    given_up = read(api, job_id)

    assert (waiting["webhook_status"], given_up["webhook_status"]) == ("pending", "failed")
    assert waiting["webhook"]["next_attempt_at"] > waiting["completed_at"]
    assert given_up["webhook"] == {
        "url": URL,
        "attempts": 1,
        "last_status": 410,
        "last_error": "refused_by_receiver",
        "next_attempt_at": None,
    }


@pytest.mark.parametrize(
    ("webhook", "pointer", "code"),
    [
        pytest.param(URL, "/webhook", "wrong_type", id="no object"),
        pytest.param({"url": URL, "secret": "a"}, "/webhook/secret", "unknown_field", id="another member"),
        pytest.param({}, "/webhook/url", "webhook_url_refused", id="no URL"),
        pytest.param({"url": 7}, "/webhook/url", "webhook_url_refused", id="no text"),
        pytest.param({"url": "http://receiver.example/"}, "/webhook/url", "webhook_url_refused", id="HTTP"),
        pytest.param({"url": "https://169.254.169.254/"}, "/webhook/url", "webhook_url_refused", id="metadata"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_by_its_place(api: Api, webhook: object, pointer: str, code: str) -> None:
    assert note_of(submit(api, webhook)) == (422, pointer, code)


def test_while_webhooks_are_off_one_is_refused_with_what_to_do(make_api: ApiMaker) -> None:
    response = submit(make_api(), {"url": URL})

    assert note_of(response) == (422, "/webhook/url", "webhooks_off")
    assert "ROWCALL_WEBHOOKS" in document_of(response)["detail"]


def test_a_batch_remembers_where_to_tell_of_its_end(api: Api) -> None:
    response = api.client.post(f"/v1/batches?webhook_url={URL}", data=CSV, content_type="text/csv")

    document = document_of(response)
    assert response.status_code == 202
    assert (document["webhook"]["url"], document["webhook_status"]) == (URL, None)


def test_a_batch_is_refused_for_its_webhook_before_its_file_is_stored(api: Api, make_api: ApiMaker) -> None:
    path = "/v1/batches?webhook_url=http://10.0.0.1/"
    off = make_api()

    refused = api.client.post(path, data=CSV, content_type="text/csv")
    while_off = off.client.post(path, data=CSV, content_type="text/csv")

    assert note_of(refused) == (422, "/query/webhook_url", "webhook_url_refused")
    assert note_of(while_off) == (422, "/query/webhook_url", "webhooks_off")
    assert list(api.files.folders("batches")) == []


def test_a_message_can_be_asked_for_again(api: Api, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    job_id = accepted(api)
    finish(jobs, job_id)
    (message,) = outbox.claim(most=1, most_of_one=1, in_hand={}).messages
    outbox.delivered(message, 200)

    response = api.client.post(f"/v1/predictions/{job_id}/webhook/redeliver")

    (again,) = outbox.claim(most=1, most_of_one=1, in_hand={}).messages
    assert response.status_code == 202
    assert document_of(response)["webhook_status"] == "pending"
    assert (again.id, again.attempt) == (message.id, 1)


def test_the_message_of_a_batch_can_be_asked_for_again(api: Api, outbox: RedisWebhookOutbox) -> None:
    spec = batch_spec(api.ids.new("bat_"), webhook_url=URL)
    api.batches.accept(spec, split_job(spec))
    api.batches.end(spec.id, BatchStatus.CANCELED, CANCELED)
    (message,) = outbox.claim(most=1, most_of_one=1, in_hand={}).messages
    outbox.failed(message, DeliveryErrorCode.TIMED_OUT, None)

    response = api.client.post(f"/v1/batches/{spec.id}/webhook/redeliver")

    assert response.status_code == 202
    assert document_of(response)["webhook_status"] == "pending"
    assert [one.id for one in outbox.claim(most=1, most_of_one=1, in_hand={}).messages] == [message.id]


def test_what_has_not_ended_or_has_no_webhook_cannot_be_told_again(api: Api, jobs: TimedRedisJobStore) -> None:
    still_open = accepted(api)
    without = str(document_of(api.submit())["id"])
    finish(jobs, without)

    answers = [api.client.post(f"/v1/predictions/{job_id}/webhook/redeliver") for job_id in (still_open, without)]

    assert [(one.status_code, document_of(one)["code"]) for one in answers] == [(409, "no_webhook_message")] * 2


@pytest.mark.parametrize("kind", ["predictions", "batches"])
def test_a_message_of_an_unknown_id_cannot_be_asked_for(api: Api, kind: str) -> None:
    assert api.client.post(f"/v1/{kind}/unknown/webhook/redeliver").status_code == 404


def test_the_contract_offers_webhooks_only_where_they_are_on(make_api: ApiMaker, api: Api) -> None:
    def members(one: Api) -> set[str]:
        document = document_of(one.client.get("/openapi.json"))
        return set(document["components"]["schemas"]["PredictionRequest"]["anyOf"][0]["properties"])

    assert members(api) - members(make_api()) == {"webhook"}


def test_a_job_that_is_retried_has_nothing_to_tell_until_it_has_ended_again(
    api: Api, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    job_id = accepted(api)
    jobs.claim([job_id], "t1")
    jobs.finish(Lane.INTERACTIVE, {job_id: WORKER_DIED}, "t1", busy_seconds=0.01)
    failed = jobs.find(job_id)
    assert failed is not None
    jobs.retry(failed.spec, "r1")
    while_open = read(api, job_id)
    finish(jobs, job_id)

    names = [one.id for one in outbox.claim(most=9, most_of_one=9, in_hand={}).messages]

    assert (while_open["status"], while_open["webhook_status"]) == ("queued", None)
    assert names == [f"msg_{job_id}_1", f"msg_{job_id}_2"]
