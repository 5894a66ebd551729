"""What a client sees of a job that it reads: its output, when to look again, and no answer twice."""

from collections.abc import Callable, Mapping

import pytest

from shared.job_records import JobEnd
from shared.jobs import Job, JobStatus, Outcome
from shared.settings import Settings
from tests.builders import record, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, document_of, finish
from tests.unit.api.predictions.conftest import NEVER_GIVEN_OUT


class StoreWithABusyWorker(FakeJobStore):
    """A store in which a job is finished right after somebody looked at it."""

    def find(self, job_id: str) -> Job | None:
        job = super().find(job_id)
        finish(self, job_id, success())
        return job


class StoreWithATalkingWorker(FakeJobStore):
    """A store in which a job is finished, and its readers are told, once a reader has taken its place."""

    tell: Callable[[Mapping[str, JobEnd | None]], None]
    is_large = False
    looks = 0

    def find(self, job_id: str) -> Job | None:
        job = super().find(job_id)
        self.looks += 1
        if self.looks == 2:
            finish(self, job_id, success())
            self.tell({job_id: None if self.is_large else self.end_of(job_id)})
        return job


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


@pytest.mark.timeout(3)
@pytest.mark.parametrize(
    ("is_large", "looks"), [(False, 2), (True, 3)], ids=["told how it ended", "told only that it ended"]
)
def test_a_reader_who_is_told_of_the_end_is_answered_at_once(make_api: ApiMaker, looks: int, *, is_large: bool) -> None:
    api = make_api(StoreWithATalkingWorker)
    assert isinstance(api.jobs, StoreWithATalkingWorker)
    api.jobs.tell, api.jobs.is_large = api.waiters.tell, is_large
    path = api.submit().headers["Location"]

    response = api.client.get(path, headers={"Prefer": "wait=30"})

    assert (document_of(response)["status"], api.jobs.looks) == ("succeeded", looks)
    assert document_of(response) == document_of(api.client.get(path))


def test_a_reader_who_waited_in_vain_sees_the_job_as_it_stands(api: Api) -> None:
    path = api.submit().headers["Location"]

    response = api.client.get(path, headers={"Prefer": "wait"})

    assert (response.status_code, document_of(response)["status"]) == (200, "queued")


@pytest.mark.timeout(3)
def test_beyond_the_most_waiting_requests_a_reader_is_answered_at_once(make_api: ApiMaker) -> None:
    api = make_api(max_waiters=1)
    path = api.submit().headers["Location"]

    with api.waiters.room():
        response = api.client.get(path, headers={"Prefer": "wait=30"})

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
