"""What the library asks about jobs and batches that exist: lists, another try, deletion; and the terms of new ones."""

import json

import pytest

from rowcall_client import RowcallClient
from tests.unit.client.client.conftest import ROW, Make, Script, answer


def test_a_job_carries_its_terms(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(metadata={"order": "4711"}), 202)]

    prediction = client.submit(ROW, retain_for="5m", metadata={"order": "4711"}, idempotency_key="of March")

    body = json.loads(script.requests[0].content)
    assert body == {"input": ROW, "retain_for": "5m", "metadata": {"order": "4711"}}
    assert script.requests[0].headers["Idempotency-Key"] == "of March"
    assert prediction.metadata == {"order": "4711"}


def test_a_job_under_an_id_of_its_clients_is_put(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(id="order/4711"), 202)]

    client.submit(ROW, job_id="order/4711")

    assert script.requests[0].method == "PUT"
    assert script.requests[0].url.raw_path == b"/v1/predictions/order%2F4711"
    assert "Idempotency-Key" not in script.requests[0].headers


def test_a_job_is_tried_again(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(), 202)]

    client.retry("prd_1")

    assert script.asked == ["POST /v1/predictions/prd_1/retry"]


@pytest.mark.parametrize("status", [204, 202])
def test_a_job_is_deleted(client: RowcallClient, script: Script, status: int) -> None:
    script.answers = [answer(None, status)]

    client.delete("prd_1")

    assert script.asked == ["DELETE /v1/predictions/prd_1"]


def test_jobs_are_listed_page_by_page(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer({"object": "list", "data": [job(), job(id="prd_2")], "next_cursor": "12-3"})]

    page = client.list(status="failed", model="gender", cursor="15-1", limit=2)

    assert script.requests[0].url.query == b"status=failed&model=gender&cursor=15-1&limit=2"
    assert ([job.id for job in page], len(page), page.next_cursor) == (["prd_1", "prd_2"], 2, "12-3")


def test_batches_are_listed_page_by_page(client: RowcallClient, script: Script, batch: Make) -> None:
    script.answers = [answer({"object": "list", "data": [batch()], "next_cursor": None})]

    page = client.list_batches()

    assert str(script.requests[0].url).endswith("/v1/batches")
    assert ([batch.id for batch in page], len(page), page.next_cursor) == (["bat_1"], 1, None)


def test_a_batch_is_deleted(client: RowcallClient, script: Script) -> None:
    script.answers = [answer(None, 204)]

    client.delete_batch("bat_1")

    assert script.asked == ["DELETE /v1/batches/bat_1"]
