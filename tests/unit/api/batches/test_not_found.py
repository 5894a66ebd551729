"""What a client sees of a batch that never was, and of one past its retention."""

import pytest

from shared.batch_files import batch_folder
from shared.batch_jobs import split_job
from shared.errors import BatchNotFound
from shared.settings import Settings
from tests.unit.api.batches.conftest import NEVER_GIVEN_OUT, batch_of, completed, forget, get, submitted, timed
from tests.unit.api.conftest import Api, document_of


@pytest.mark.parametrize("path", ["", "/results", "/errors", "/events"])
def test_a_batch_that_never_was_is_not_found(api: Api, path: str) -> None:
    response = api.client.get(f"{NEVER_GIVEN_OUT}{path}")

    assert (response.status_code, document_of(response)["code"]) == (404, BatchNotFound.code)


@pytest.mark.parametrize("path", ["", "/results", "/errors", "/events"])
def test_a_batch_past_its_retention_is_gone(api: Api, path: str) -> None:
    batch_id = completed(api)
    forget(api, batch_id)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


@pytest.mark.parametrize("path", ["/results", "/errors"])
def test_files_are_not_begun_when_they_are_about_to_be_deleted(api: Api, settings: Settings, path: str) -> None:
    batch_id = completed(api)
    timed(api).let_time_pass(settings.retention_seconds + 1)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")


def test_the_id_of_a_prediction_is_no_batch(api: Api) -> None:
    prediction_id = document_of(api.submit())["id"]

    assert get(api, prediction_id).status_code == 404


@pytest.mark.parametrize("action", ["GET", "POST /cancel"])
def test_a_step_of_a_batch_is_no_prediction(api: Api, action: str) -> None:
    method, _, path = action.partition(" ")
    step = split_job(batch_of(api, submitted(api)).spec)
    api.jobs.accept([step])

    response = api.client.open(f"/v1/predictions/{step.id}{path}", method=method)

    assert (response.status_code, document_of(response)["code"]) == (404, "prediction_not_found")


@pytest.mark.parametrize("path", ["/results", "/errors"])
@pytest.mark.parametrize(
    "folder",
    [pytest.param("", id="all of them"), pytest.param("/parts", id="the parts, which are deleted first")],
)
def test_files_past_their_retention_are_gone(api: Api, path: str, folder: str) -> None:
    batch_id = completed(api)
    api.files.delete_folder(batch_folder(batch_id) + folder)

    response = get(api, batch_id, path)

    assert (response.status_code, document_of(response)["code"]) == (410, "batch_gone")
