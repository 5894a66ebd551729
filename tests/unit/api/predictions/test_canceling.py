"""What a client sees of a job that it cancels."""

import pytest

from shared.jobs import Outcome
from tests.builders import failure, success
from tests.unit.api.conftest import Api, document_of


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
