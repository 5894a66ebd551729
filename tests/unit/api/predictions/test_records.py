"""What a client does with jobs that are there: delete, try again, list; and how long they are kept."""

from typing import Any

import pytest

from api.callers import CALLER, Caller, Scope
from shared.job_errors import JobErrorCode
from shared.jobs import JobError, JobStatus, Outcome
from tests.builders import failure, record, success
from tests.unit.api.conftest import Api, document_of, finish
from tests.unit.api.predictions.conftest import NEVER_GIVEN_OUT, pointers_and_codes

BOB = Caller("bob", "key of bob", frozenset(Scope))
LIST = "/v1/predictions"


def test_a_deleted_job_is_gone(api: Api) -> None:
    path = api.submit_and_finish(success())

    response = api.client.delete(path)

    gone = api.client.get(path)
    assert (response.status_code, response.data) == (204, b"")
    assert (gone.status_code, document_of(gone)["code"]) == (410, "prediction_gone")


@pytest.mark.parametrize(
    ("method", "suffix"), [("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")]
)
def test_nothing_can_be_done_with_a_deleted_job(api: Api, method: str, suffix: str) -> None:
    path = api.submit().headers["Location"]
    api.client.delete(path)

    assert api.client.open(path + suffix, method=method).status_code == 410


def test_a_running_job_is_gone_at_once(api: Api) -> None:
    submitted = api.submit()
    api.jobs.claim([document_of(submitted)["id"]], "t1")

    response = api.client.delete(submitted.headers["Location"])

    assert response.status_code == 204
    assert api.client.get(submitted.headers["Location"]).status_code == 410


@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/retry"), ("GET", "/events")])
def test_what_never_was_is_not_found(api: Api, method: str, suffix: str) -> None:
    response = api.client.open(NEVER_GIVEN_OUT + suffix, method=method)

    assert (response.status_code, document_of(response)["code"]) == (404, "prediction_not_found")


@pytest.mark.parametrize(("method", "suffix"), [("DELETE", ""), ("POST", "/retry"), ("GET", "/events")])
def test_nobody_else_learns_of_a_job(api: Api, method: str, suffix: str) -> None:
    path = api.submit_and_finish(failure())

    response = api.client.open(path + suffix, method=method, environ_overrides={CALLER: BOB})

    assert (response.status_code, document_of(response)["code"]) == (404, "prediction_not_found")


def test_a_failed_job_is_tried_again(api: Api) -> None:
    path = api.submit_and_finish(failure())

    response = api.client.post(f"{path}/retry")

    document = document_of(response)
    assert (response.status_code, response.headers["Location"], response.headers["Retry-After"]) == (202, path, "1")
    assert (document["status"], document["attempt"], document["retries"], document["error"]) == ("queued", 1, 1, None)
    assert [len(message) for message in api.broker.sent] == [1, 1]


@pytest.mark.parametrize(
    "outcome", [success(), Outcome(JobStatus.CANCELED, error=JobError(JobErrorCode.CANCELED, "x"))]
)
def test_a_job_that_did_not_fail_is_not_tried_again(api: Api, outcome: Outcome) -> None:
    path = api.submit_and_finish(outcome)

    response = api.client.post(f"{path}/retry")

    assert (response.status_code, document_of(response)["code"]) == (409, "not_retryable")
    assert outcome.status.value in document_of(response)["detail"]


def test_a_retry_is_left_to_the_sweeper_while_the_broker_is_away(api: Api) -> None:
    path = api.submit_and_finish(failure())
    api.broker.is_down = True

    assert api.client.post(f"{path}/retry").status_code == 202


def test_jobs_are_listed_the_newest_first_without_their_output(api: Api) -> None:
    paths = [api.submit_and_finish(success()), api.submit_and_finish(failure())]

    response = document_of(api.client.get(LIST))

    failed, succeeded = response["data"]
    assert [failed["urls"]["get"], succeeded["urls"]["get"]] == paths[::-1]
    assert (failed["error"]["code"], "output" in succeeded, response["next_cursor"]) == (
        "prediction_failed",
        False,
        None,
    )


def test_a_list_goes_on_at_its_cursor(api: Api) -> None:
    ids = [document_of(api.submit())["id"] for _ in range(3)]

    first = document_of(api.client.get(f"{LIST}?limit=2"))
    second = document_of(api.client.get(f"{LIST}?limit=2&cursor={first['next_cursor']}"))

    assert [job["id"] for job in first["data"] + second["data"]] == ids[::-1]


def test_a_list_holds_what_was_asked_for(api: Api) -> None:
    api.submit_and_finish(success())
    queued = document_of(api.submit())["id"]

    lists = [
        document_of(api.client.get(f"{LIST}?{query}"))["data"] for query in ("status=queued&model=gender", "model=age")
    ]

    assert [[job["id"] for job in one] for one in lists] == [[queued], []]


def test_nobody_elses_jobs_are_listed(api: Api) -> None:
    api.submit()

    assert document_of(api.client.get(LIST, environ_overrides={CALLER: BOB}))["data"] == []


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("status=done", "succeeded"),
        ("statsu=queued", "did you mean 'status'?"),
        ("cursor=x", "next_cursor"),
        ("cursor=", "next_cursor"),
        ("limit=0", "1 to 100"),
        ("limit=101", "1 to 100"),
        ("limit=ten", "1 to 100"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_with_what_to_send(api: Api, query: str, hint: str) -> None:
    response = api.client.get(f"{LIST}?{query}")

    assert (response.status_code, document_of(response)["code"]) == (422, "invalid_input")
    assert hint in document_of(response)["detail"]


@pytest.mark.parametrize(
    ("wanted", "seconds"), [(60, 60), (60.0, 60), ("90s", 90), ("5m", 300), ("2h", 7200), ("0", 0), (None, None)]
)
def test_a_client_says_how_long_its_job_is_kept(api: Api, wanted: object, seconds: int | None) -> None:
    document = document_of(api.submit(retain_for=wanted))

    assert document["retain_for"] == seconds


def test_a_job_of_which_nothing_is_kept_is_only_for_those_who_wait(api: Api) -> None:
    api.broker.outcome = success()

    waited = api.submit(retain_for=0, headers={"Prefer": "wait"})

    later = api.client.get(waited.headers["Location"])
    assert (waited.status_code, document_of(waited)["output"]["prediction"]) == (200, "male")
    assert (later.status_code, document_of(later)["code"]) == (410, "prediction_gone")


def test_predict_can_keep_nothing(api: Api) -> None:
    api.broker.outcome = success()

    answered = api.predict(path="gender/predict?retain_for=0")

    assert (answered.status_code, document_of(answered)["prediction"]) == (200, "male")
    assert api.client.get(answered.headers["Location"]).status_code == 410


def test_a_job_of_which_nothing_is_kept_can_be_canceled(api: Api) -> None:
    path = api.submit(retain_for=0).headers["Location"]

    response = api.client.post(f"{path}/cancel")

    assert (response.status_code, document_of(response)["status"]) == (200, "canceled")


def test_what_a_client_writes_on_its_job_comes_back(api: Api) -> None:
    path = api.submit(metadata={"order": "4711"}).headers["Location"]

    documents = [document_of(api.client.get(path)), document_of(api.client.get(LIST))["data"][0]]

    assert [document["metadata"] for document in documents] == [{"order": "4711"}] * 2


@pytest.mark.parametrize(
    ("members", "pointer", "code"),
    [
        ({"retain_for": -1}, "/retain_for", "out_of_range"),
        ({"retain_for": 86_401}, "/retain_for", "out_of_range"),
        ({"retain_for": "25h"}, "/retain_for", "out_of_range"),
        ({"retain_for": "soon"}, "/retain_for", "wrong_type"),
        ({"retain_for": 1.5}, "/retain_for", "wrong_type"),
        ({"retain_for": True}, "/retain_for", "wrong_type"),
        ({"metadata": []}, "/metadata", "wrong_type"),
        ({"metadata": {"a": 1}}, "/metadata", "wrong_type"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "/metadata", "out_of_range"),
        ({"metadata": {"x" * 65: "x"}}, "/metadata", "out_of_range"),
        ({"metadata": {"x": "x" * 513}}, "/metadata", "out_of_range"),
        ({"meta_data": {}}, "/meta_data", "unknown_field"),
    ],
)
def test_terms_that_cannot_be_met_are_refused(api: Api, members: dict[str, Any], pointer: str, code: str) -> None:
    response = api.submit(**members)

    assert response.status_code == 422
    assert pointers_and_codes(document_of(response)) == [(pointer, code)]


def test_a_retention_that_cannot_be_met_is_refused_by_predict_too(api: Api) -> None:
    response = api.predict(record(), path="gender/predict?retain_for=soon")

    assert (response.status_code, pointers_and_codes(document_of(response))) == (422, [("/retain_for", "wrong_type")])


def test_what_a_client_writes_on_its_job_is_in_no_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    api.submit(metadata={"canary-1": "canary-2"})
    api.submit(metadata={"canary-3": 5})

    assert "canary" not in "".join(str(vars(line)) for line in caplog.records)


def test_the_deadline_of_a_retried_job_counts_from_its_retry(api: Api) -> None:
    path = api.submit_and_finish(failure())
    before = document_of(api.client.get(path))["deadline_at"]
    api.jobs.let_time_pass(60)

    after = document_of(api.client.post(f"{path}/retry"))["deadline_at"]
    finish(api.jobs, path.rpartition("/")[2], success())

    assert after > before
    assert document_of(api.client.get(path))["deadline_at"] == after
