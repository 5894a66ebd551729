"""What a client sees of a job that is accepted, waited for or not."""

from typing import Any

import pytest

from api.representations import job_headers
from shared.jobs import Job, JobStatus, QueueState
from tests.builders import failure, job_spec, record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of
from tests.unit.api.predictions.conftest import two_versions


def test_a_submitted_job_is_accepted(api: Api) -> None:
    response = api.submit()

    document = document_of(response)
    assert response.status_code == 202
    assert (document["status"], document["output"], document["error"]) == ("queued", None, None)


def test_an_accepted_job_can_be_read_at_its_location(api: Api) -> None:
    submitted = api.submit()

    read = api.client.get(submitted.headers["Location"])

    assert read.status_code == 200
    assert document_of(read) == document_of(submitted)


def test_an_accepted_job_has_the_etag_of_its_document(api: Api) -> None:
    submitted = api.submit()

    assert submitted.headers["ETag"] == api.client.get(submitted.headers["Location"]).headers["ETag"]


def test_an_accepted_job_is_sent_to_the_workers(api: Api) -> None:
    job_id = document_of(api.submit())["id"]

    assert [[(spec.id, spec.rows) for spec in specs] for specs in api.broker.sent] == [[(job_id, [[181, 44]])]]


def test_a_job_cites_the_model_version_that_will_answer(api: Api) -> None:
    document = document_of(api.submit())

    assert document["model"] == {"name": "gender", "version": "1", "sha256": "0" * 64}


def test_a_job_behind_another_says_its_position(api: Api) -> None:
    api.submit()
    api.jobs.let_time_pass(0.1)

    document = document_of(api.submit())

    assert document["queue"]["position"] == 1


@pytest.mark.parametrize(
    ("eta_seconds", "retry_after"),
    [
        pytest.param(None, "1", id="no worker has shown its speed"),
        pytest.param(0.2, "1", id="at least a second"),
        pytest.param(7.2, "8", id="rounded up"),
        pytest.param(900.0, "30", id="at most half a minute"),
    ],
)
def test_when_to_look_again_follows_from_the_expected_time(eta_seconds: float | None, retry_after: str) -> None:
    job = Job(job_spec(), JobStatus.QUEUED, 0, 0.0, queue=QueueState(5, eta_seconds))

    assert job_headers(job) == {"Retry-After": retry_after}


def test_a_job_without_prefer_is_not_waited_for(api: Api) -> None:
    api.broker.outcome = success()

    assert api.submit().status_code == 202


def test_a_job_finished_while_the_client_waits_is_answered_at_once(api: Api) -> None:
    api.broker.outcome = success()

    response = api.submit(headers={"Prefer": "wait=5"})

    assert response.status_code == 200
    assert document_of(response)["output"] == {"prediction": "male", "probabilities": {"female": 0.25, "male": 0.75}}


def test_a_wait_that_was_granted_is_confirmed(api: Api) -> None:
    api.broker.outcome = success()

    response = api.submit(headers={"Prefer": "wait=5"})

    assert response.headers["Preference-Applied"] == "wait=5"


def test_a_finished_job_says_where_its_time_went(api: Api) -> None:
    api.broker.outcome = success()

    response = api.submit(headers={"Prefer": "wait=5"})

    assert response.headers["Server-Timing"] == 'queue;dur=0.0, predict;dur=1.0, batch;desc="1"'


def test_a_finished_job_need_not_be_looked_at_again(api: Api) -> None:
    api.broker.outcome = success()

    assert "Retry-After" not in api.submit(headers={"Prefer": "wait=5"}).headers


def test_a_job_not_finished_in_time_goes_on(api: Api) -> None:
    response = api.submit(headers={"Prefer": "wait"})

    assert response.status_code == 202
    assert "Preference-Applied" not in response.headers
    assert api.client.get(response.headers["Location"]).status_code == 200


def test_a_failed_job_that_was_waited_for_says_why(api: Api) -> None:
    api.broker.outcome = failure("the model raised ValueError")

    response = api.submit(headers={"Prefer": "wait=5"})

    assert response.status_code == 200
    assert document_of(response)["error"] == {
        "code": "prediction_failed",
        "detail": "the model raised ValueError",
        "errors": [],
    }


def test_beyond_the_most_waiting_requests_a_job_is_accepted_at_once(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    api.broker.outcome = success()

    with api.waiters.room():
        response = api.submit(headers={"Prefer": "wait=5"})

    assert response.status_code == 202


def test_a_job_expires_at_the_deadline_that_was_asked_for(api: Api) -> None:
    submitted = api.submit(headers={"Cancel-After": "90s"})
    api.jobs.let_time_pass(91)

    document = document_of(api.client.get(submitted.headers["Location"]))

    assert (document["status"], document["error"]["code"]) == ("expired", "deadline_passed")
    assert (document["created_at"], document["deadline_at"]) == (
        "2023-11-14T22:13:20.000000Z",
        "2023-11-14T22:14:50.000000Z",
    )


@pytest.mark.parametrize(
    ("members", "version"),
    [
        pytest.param({}, "2", id="the newest unless named"),
        pytest.param({"version": None}, "2", id="null names none"),
        pytest.param({"version": "1"}, "1", id="an older one by name"),
    ],
)
def test_a_job_is_for_the_version_asked_for(make_api: ApiMaker, members: dict[str, Any], version: str) -> None:
    api = make_api(models=two_versions())

    document = document_of(api.submit(**members))

    assert document["model"]["version"] == version


def test_an_unusual_value_is_accepted_with_a_warning(api: Api) -> None:
    response = api.submit([record(), record(height=210)])

    warnings = document_of(response)["warnings"]
    assert response.status_code == 202
    assert [(note["pointer"], note["code"]) for note in warnings] == [("/input/1/height", "untypical")]


def test_an_unremarkable_value_has_no_warning(api: Api) -> None:
    assert document_of(api.submit())["warnings"] == []


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.rowcall+json"])
def test_every_spelling_of_json_is_taken(api: Api, content_type: str) -> None:
    body = b'{"input": {"height": 181, "shoe_size": 44}}'

    response = api.client.post("/v1/predictions", data=body, content_type=content_type)

    assert response.status_code == 202


def test_rows_reach_the_worker_in_the_order_of_the_records(api: Api) -> None:
    api.submit([record(height=height) for height in (150, 160, 170)])

    assert api.broker.sent[0][0].rows == [[150, 44], [160, 44], [170, 44]]


def test_the_order_of_the_members_of_a_record_does_not_matter(api: Api) -> None:
    api.submit({"shoe_size": 44, "height": 181})

    assert api.broker.sent[0][0].rows == [[181, 44]]
