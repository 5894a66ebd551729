"""What a client sees of its jobs: every status and header of the contract."""

from collections.abc import Sequence
from typing import Any

import pytest

from api.representations import job_headers
from shared.errors import JobErrorCode, StoreFull, StoreUnavailable
from shared.jobs import Job, JobError, JobStatus, Outcome, QueueState
from shared.registry import ServedModel
from shared.settings import Settings
from tests.builders import failure, job_spec, manifest, record, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, StoreAway, document_of, finish

NEVER_GIVEN_OUT = "/v1/predictions/prd_" + "a" * 32


class StoreWithoutMemory(FakeJobStore):
    """A store that takes no further job."""

    def accept(self, specs: Sequence[object]) -> Any:
        raise StoreFull


class StoreLostAfterAccepting(FakeJobStore):
    """A store that goes away while the client waits for what it accepted."""

    def find(self, job_id: str) -> Job | None:
        raise StoreUnavailable


class StoreWithABusyWorker(FakeJobStore):
    """A store in which a job is finished right after somebody looked at it."""

    def find(self, job_id: str) -> Job | None:
        job = super().find(job_id)
        finish(self, job_id, success())
        return job


def pointers_and_codes(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(note["pointer"], note["code"]) for note in document["errors"]]


def two_versions() -> list[ServedModel]:
    return [ServedModel(manifest(version=version), is_ready=True) for version in ("2", "1")]


def two_models() -> list[ServedModel]:
    return [ServedModel(manifest(name=name), is_ready=True) for name in ("age", "gender")]


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

    with api.waiters.place("prd_another"):
        response = api.submit(headers={"Prefer": "wait=5"})

    assert response.status_code == 202


def test_a_store_lost_after_accepting_does_not_hide_the_accepted_job(make_api: ApiMaker) -> None:
    api = make_api(StoreLostAfterAccepting)

    response = api.submit(headers={"Prefer": "wait"})

    assert response.status_code == 202
    assert "Location" in response.headers


def test_a_broker_that_is_down_still_accepts(api: Api) -> None:
    api.broker.is_down = True

    response = api.submit()

    assert response.status_code == 202
    assert document_of(api.client.get(response.headers["Location"]))["status"] == "queued"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"height=181", id="a form"),
        pytest.param(b'{"input": {"height": 181,', id="truncated"),
        pytest.param(b'{"input": {"height": NaN, "shoe_size": 44}}', id="NaN"),
        pytest.param(b'{"input": {"height": Infinity, "shoe_size": 44}}', id="Infinity"),
        pytest.param(b'{"input": {"height": 1e999, "shoe_size": 44}}', id="more than a number can hold"),
        pytest.param(b'{"input": {"height": "\xff", "shoe_size": 44}}', id="invalid UTF-8"),
        pytest.param(b'{"input": {"height": "\\ud800", "shoe_size": 44}}', id="half a character"),
        pytest.param(b"[" * 5_000 + b"]" * 5_000, id="nested without end"),
    ],
)
def test_a_body_that_is_no_json_is_malformed(api: Api, body: bytes) -> None:
    response = api.client.post("/v1/predictions", data=body, content_type="application/json")

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


def test_a_body_that_ends_too_early_is_malformed(api: Api) -> None:
    whole = b'{"input": {"height": 181, "shoe_size": 44}}'

    response = api.client.post(
        "/v1/predictions",
        data=whole,
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(len(whole) + 10)},
    )

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/models/gender/predict"])
def test_a_deadline_that_cannot_be_read_is_malformed(api: Api, path: str) -> None:
    response = api.client.post(path, json={"input": record()}, headers={"Cancel-After": "soon"})

    assert (response.status_code, document_of(response)["code"]) == (400, "malformed_request")


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
    ("members", "hint"),
    [
        pytest.param({"model": "gendre"}, "'gender'", id="model"),
        pytest.param({"model": ""}, "gender", id="model without a name"),
        pytest.param({"version": "7"}, "it has 1", id="version"),
    ],
)
def test_a_model_that_is_not_served_is_not_found(api: Api, members: dict[str, Any], hint: str) -> None:
    response = api.submit(**members)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (404, "model_not_found")
    assert hint in document["detail"]


def test_several_models_need_a_name(make_api: ApiMaker) -> None:
    api = make_api(models=two_models())

    response = api.submit()

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")


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


def test_no_model_served_is_an_outage(make_api: ApiMaker) -> None:
    response = make_api(models=[]).submit()

    assert (response.status_code, document_of(response)["code"]) == (503, "no_model_served")
    assert response.headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param([], ("", "wrong_type"), id="the body is no object"),
        pytest.param({}, ("/input", "missing_value"), id="no input"),
        pytest.param({"input": record(), "modle": "x"}, ("/modle", "unknown_field"), id="an unknown member"),
        pytest.param({"input": record(), "model": 5}, ("/model", "wrong_type"), id="a model that is no string"),
        pytest.param({"input": record(), "version": 1}, ("/version", "wrong_type"), id="a version that is no string"),
        pytest.param({"input": None}, ("/input", "wrong_type"), id="null instead of a record"),
        pytest.param({"input": 181}, ("/input", "wrong_type"), id="a number instead of a record"),
        pytest.param({"input": []}, ("/input", "row_count"), id="no records"),
        pytest.param({"input": [record()] * 4}, ("/input", "row_count"), id="too many records"),
        pytest.param({"input": [record(), 5]}, ("/input/1", "wrong_type"), id="a number among records"),
        pytest.param({"input": record(height=None)}, ("/input/height", "missing_value"), id="null"),
        pytest.param({"input": {"height": 181}}, ("/input/shoe_size", "missing_value"), id="an absent feature"),
        pytest.param({"input": record(weight=80)}, ("/input/weight", "unknown_field"), id="an unknown feature"),
        pytest.param({"input": record(**{"a/b~": 1})}, ("/input/a~1b~0", "unknown_field"), id="an escaped name"),
        pytest.param({"input": record(height="181")}, ("/input/height", "not_a_number"), id="a numeric string"),
        pytest.param({"input": record(height=True)}, ("/input/height", "not_a_number"), id="a boolean"),
        pytest.param({"input": record(height=[181])}, ("/input/height", "not_a_number"), id="a list"),
        pytest.param({"input": record(height=1.81)}, ("/input/height", "out_of_range"), id="metres"),
        pytest.param({"input": [record(), record(height=999)]}, ("/input/1/height", "out_of_range"), id="second row"),
        pytest.param(
            {"input": record(), "a/b": 1},
            ("/a~1b", "unknown_field"),
            id="an escaped member",
        ),
    ],
)
def test_input_that_does_not_fit_is_refused_at_its_place(
    make_api: ApiMaker, body: object, expected: tuple[str, str]
) -> None:
    api = make_api(max_rows=3)

    response = api.client.post("/v1/predictions", json=body)

    document = document_of(response)
    assert (response.status_code, document["code"]) == (422, "invalid_input")
    assert pointers_and_codes(document) == [expected]


def test_every_bad_field_is_named_at_once(api: Api) -> None:
    response = api.submit([record(height=1.81), record(shoe_size="44", height=999)])

    assert pointers_and_codes(document_of(response)) == [
        ("/input/0/height", "out_of_range"),
        ("/input/1/height", "out_of_range"),
        ("/input/1/shoe_size", "not_a_number"),
    ]


def test_refused_input_is_not_accepted(api: Api) -> None:
    api.submit(record(height=1.81))

    assert api.broker.sent == []


def test_an_answer_names_no_more_than_a_hundred_errors(api: Api) -> None:
    response = api.submit([record(height=0)] * 200)

    assert len(document_of(response)["errors"]) == 100


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/v1/predictions", [], id="submit"),
        pytest.param("/v1/models/gender/predict", 5, id="predict"),
    ],
)
def test_the_sentence_about_a_whole_body_begins_with_a_word(api: Api, path: str, body: object) -> None:
    document = document_of(api.client.post(path, json=body))

    assert not document["detail"].startswith(":")


def test_an_unusual_value_is_accepted_with_a_warning(api: Api) -> None:
    response = api.submit([record(), record(height=210)])

    warnings = document_of(response)["warnings"]
    assert response.status_code == 202
    assert [(note["pointer"], note["code"]) for note in warnings] == [("/input/1/height", "untypical")]


def test_an_unremarkable_value_has_no_warning(api: Api) -> None:
    assert document_of(api.submit())["warnings"] == []


def test_a_body_over_the_limit_is_too_large(make_api: ApiMaker) -> None:
    response = make_api(max_body_bytes=20).submit()

    assert (response.status_code, document_of(response)["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", [None, "text/csv", "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_of_another_type_is_not_supported(api: Api, content_type: str | None) -> None:
    response = api.client.post("/v1/predictions", data=b'{"input": {}}', content_type=content_type)

    assert (response.status_code, document_of(response)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/vnd.rowcall+json"])
def test_every_spelling_of_json_is_taken(api: Api, content_type: str) -> None:
    body = b'{"input": {"height": 181, "shoe_size": 44}}'

    response = api.client.post("/v1/predictions", data=body, content_type=content_type)

    assert response.status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "/v1/predictions", {"input": record()}, id="submit"),
        pytest.param("POST", "/v1/models/gender/predict", record(), id="predict"),
        pytest.param("GET", NEVER_GIVEN_OUT, None, id="read"),
        pytest.param("POST", f"{NEVER_GIVEN_OUT}/cancel", None, id="cancel"),
    ],
)
def test_a_store_that_is_away_is_an_outage(make_api: ApiMaker, method: str, path: str, body: object) -> None:
    response = make_api(StoreAway).client.open(path, method=method, json=body)

    document = document_of(response)
    assert (response.status_code, document["code"], document["retryable"]) == (503, "store_unavailable", True)
    assert response.headers["Retry-After"] == "2"


def test_a_full_store_refuses_and_says_when_to_come_back(make_api: ApiMaker) -> None:
    response = make_api(StoreWithoutMemory).submit()

    document = document_of(response)
    assert (response.status_code, document["code"], document["retryable"]) == (503, "store_full", True)
    assert response.headers["Retry-After"] == "2"


def test_a_job_that_was_refused_is_not_sent(make_api: ApiMaker) -> None:
    api = make_api(StoreWithoutMemory)

    api.submit()

    assert api.broker.sent == []


def test_output_has_the_shape_of_one_record(api: Api) -> None:
    path = api.submit_and_finish(success(label="female"))

    assert document_of(api.client.get(path))["output"]["prediction"] == "female"


def test_output_of_an_array_is_an_array_in_the_same_order(api: Api) -> None:
    labels = ["male", "female", "male"]
    job_id = document_of(api.submit([record()] * 3))["id"]
    finish(api.jobs, job_id, Outcome(JobStatus.SUCCEEDED, [{"prediction": label} for label in labels]))

    document = document_of(api.client.get(f"/v1/predictions/{job_id}"))

    assert document["output"] == [{"prediction": "male"}, {"prediction": "female"}, {"prediction": "male"}]


def test_an_array_of_one_record_stays_an_array(api: Api) -> None:
    job_id = document_of(api.submit([record()]))["id"]
    finish(api.jobs, job_id, Outcome(JobStatus.SUCCEEDED, [{"prediction": "male"}]))

    assert document_of(api.client.get(f"/v1/predictions/{job_id}"))["output"] == [{"prediction": "male"}]


def test_rows_reach_the_worker_in_the_order_of_the_records(api: Api) -> None:
    api.submit([record(height=height) for height in (150, 160, 170)])

    assert api.broker.sent[0][0].rows == [[150, 44], [160, 44], [170, 44]]


def test_the_order_of_the_members_of_a_record_does_not_matter(api: Api) -> None:
    api.submit({"shoe_size": 44, "height": 181})

    assert api.broker.sent[0][0].rows == [[181, 44]]


def test_a_job_that_is_not_final_says_when_to_look_again(api: Api) -> None:
    path = api.submit().headers["Location"]

    assert api.client.get(path).headers["Retry-After"] == "1"


def test_nothing_is_sent_again_to_a_client_that_has_it(api: Api) -> None:
    path = api.submit_and_finish(success())
    etag = api.client.get(path).headers["ETag"]

    response = api.client.get(path, headers={"If-None-Match": etag})

    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", etag)


def test_a_job_that_has_changed_is_sent_again(api: Api) -> None:
    submitted = api.submit()
    finish(api.jobs, document_of(submitted)["id"], success())

    response = api.client.get(submitted.headers["Location"], headers={"If-None-Match": submitted.headers["ETag"]})

    assert (response.status_code, document_of(response)["status"]) == (200, "succeeded")


def test_a_reader_can_wait_for_the_end(make_api: ApiMaker) -> None:
    api = make_api(StoreWithABusyWorker)
    path = api.submit().headers["Location"]

    response = api.client.get(path, headers={"Prefer": "wait=5"})

    assert document_of(response)["status"] == "succeeded"


def test_a_reader_who_waited_in_vain_sees_the_job_as_it_stands(api: Api) -> None:
    path = api.submit().headers["Location"]

    response = api.client.get(path, headers={"Prefer": "wait"})

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


def test_beyond_the_most_waiting_requests_a_reader_is_answered_at_once(make_api: ApiMaker) -> None:
    api = make_api(StoreWithABusyWorker, max_waiters=1)
    path = api.submit().headers["Location"]

    with api.waiters.place("prd_another"):
        response = api.client.get(path, headers={"Prefer": "wait=5"})

    assert document_of(response)["status"] == "queued"


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/cancel")], ids=["read", "cancel"])
def test_an_id_that_was_never_given_out_is_not_found(api: Api, method: str, suffix: str) -> None:
    response = api.client.open(NEVER_GIVEN_OUT + suffix, method=method)

    assert (response.status_code, document_of(response)["code"]) == (404, "prediction_not_found")


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/cancel")], ids=["read", "cancel"])
def test_a_job_past_its_retention_is_gone(api: Api, settings: Settings, method: str, suffix: str) -> None:
    path = api.submit_and_finish(success())
    api.jobs.let_time_pass(settings.retention_seconds + 1)

    response = api.client.open(path + suffix, method=method)

    assert (response.status_code, document_of(response)["code"]) == (410, "prediction_gone")


def test_a_queued_job_is_canceled(api: Api) -> None:
    path = api.submit().headers["Location"]

    response = api.client.post(f"{path}/cancel")

    document = document_of(response)
    assert (response.status_code, document["status"], document["error"]["code"]) == (200, "canceled", "canceled")


def test_canceling_again_changes_nothing(api: Api) -> None:
    path = api.submit().headers["Location"]
    first = api.client.post(f"{path}/cancel")

    second = api.client.post(f"{path}/cancel")

    assert (second.status_code, document_of(second)) == (200, document_of(first))


def test_a_running_job_is_asked_to_cancel(api: Api) -> None:
    submitted = api.submit()
    api.jobs.claim([document_of(submitted)["id"]], "t1")

    response = api.client.post(f"{submitted.headers['Location']}/cancel")

    document = document_of(response)
    assert (response.status_code, document["status"], document["cancel_requested"]) == (202, "running", True)
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize("outcome", [success(), failure()], ids=["succeeded", "failed"])
def test_a_final_job_cannot_be_canceled(api: Api, outcome: Outcome) -> None:
    path = api.submit_and_finish(outcome)

    response = api.client.post(f"{path}/cancel")

    assert (response.status_code, document_of(response)["code"]) == (409, "already_final")
    assert outcome.status.value in document_of(response)["detail"]


def test_predict_answers_the_bare_output(api: Api) -> None:
    api.broker.outcome = success()

    response = api.predict()

    assert response.status_code == 200
    assert document_of(response) == {"prediction": "male", "probabilities": {"female": 0.25, "male": 0.75}}


def test_predict_answers_an_array_with_an_array(api: Api) -> None:
    api.broker.outcome = Outcome(JobStatus.SUCCEEDED, [{"prediction": "male"}, {"prediction": "female"}])

    response = api.predict([record(), record(height=160)])

    assert response.get_json() == [{"prediction": "male"}, {"prediction": "female"}]


def test_predict_says_where_the_job_is_and_where_its_time_went(api: Api) -> None:
    api.broker.outcome = success()

    response = api.predict()

    assert api.client.get(response.headers["Location"]).status_code == 200
    assert response.headers["Server-Timing"] == 'queue;dur=0.0, predict;dur=1.0, batch;desc="1"'


@pytest.mark.parametrize(
    ("query", "version"),
    [pytest.param("", "2", id="the newest unless named"), pytest.param("?version=1", "1", id="an older one by name")],
)
def test_predict_takes_the_version_from_the_query(make_api: ApiMaker, query: str, version: str) -> None:
    api = make_api(models=two_versions())
    api.broker.outcome = success()

    api.predict(path=f"gender/predict{query}")

    assert api.broker.sent[0][0].model.version == version


@pytest.mark.parametrize("path", ["gendre/predict", "gender/predict?version=7"], ids=["model", "version"])
def test_predict_with_a_model_that_is_not_served_is_not_found(api: Api, path: str) -> None:
    response = api.predict(path=path)

    assert (response.status_code, document_of(response)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(record(height=1.81), ("/height", "out_of_range"), id="one record"),
        pytest.param([record(), record(height=1.81)], ("/1/height", "out_of_range"), id="an array"),
        pytest.param([], ("", "row_count"), id="no records"),
        pytest.param(5, ("", "wrong_type"), id="no record"),
        pytest.param({"input": record()}, ("/height", "missing_value"), id="the body of a submission"),
    ],
)
def test_pointers_of_predict_start_at_the_bare_record(api: Api, body: object, expected: tuple[str, str]) -> None:
    response = api.predict(body)

    assert response.status_code == 422
    assert pointers_and_codes(document_of(response))[0] == expected


@pytest.mark.parametrize(
    ("code", "job_status", "status", "retryable"),
    [
        pytest.param(JobErrorCode.PREDICTION_FAILED, JobStatus.FAILED, 422, False, id="prediction_failed"),
        pytest.param(JobErrorCode.OUTPUT_INVALID, JobStatus.FAILED, 422, False, id="output_invalid"),
        pytest.param(JobErrorCode.WORKER_DIED, JobStatus.FAILED, 500, False, id="worker_died"),
        pytest.param(JobErrorCode.MODEL_UNAVAILABLE, JobStatus.FAILED, 503, True, id="model_unavailable"),
        pytest.param(JobErrorCode.DEADLINE_PASSED, JobStatus.EXPIRED, 504, True, id="deadline_passed"),
        pytest.param(JobErrorCode.CANCELED, JobStatus.CANCELED, 409, False, id="canceled"),
    ],
)
def test_predict_answers_a_job_without_output_as_a_problem(
    api: Api, code: JobErrorCode, job_status: JobStatus, status: int, *, retryable: bool
) -> None:
    api.broker.outcome = Outcome(job_status, error=JobError(code, "this is why"))

    response = api.predict()

    document = document_of(response)
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert (document["code"], document["detail"], document["retryable"]) == (code, "this is why", retryable)
    assert document["job_id"] == api.broker.sent[0][0].id


def test_predict_says_when_to_come_back_for_an_unavailable_model(api: Api) -> None:
    api.broker.outcome = Outcome(JobStatus.FAILED, error=JobError(JobErrorCode.MODEL_UNAVAILABLE, "no worker has it"))

    response = api.predict()

    assert response.status_code == 503
    assert "Retry-After" in response.headers


def test_predict_that_is_not_finished_in_time_answers_with_the_url_of_the_job(api: Api) -> None:
    response = api.predict()

    document = document_of(response)
    url = f"/v1/predictions/{document['job_id']}"
    assert (response.status_code, document["code"], document["retryable"]) == (504, "wait_timed_out", True)
    assert response.headers["Location"] == url
    assert url in document["detail"]


def test_a_job_of_predict_lives_on_after_the_time_out(api: Api) -> None:
    response = api.predict()

    assert document_of(api.client.get(response.headers["Location"]))["status"] == "queued"


def test_beyond_the_most_waiting_requests_predict_answers_with_the_job(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)

    with api.waiters.place("prd_another"):
        response = api.predict()

    assert (response.status_code, document_of(response)["object"]) == (202, "prediction")
    assert (response.headers["Location"], response.headers["Retry-After"]) == (
        document_of(response)["urls"]["get"],
        "1",
    )


def test_a_request_that_waited_gives_its_place_back(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    api.broker.outcome = success()
    api.predict()

    assert api.predict().status_code == 200
