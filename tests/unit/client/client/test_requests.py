"""What the library sends, and where to."""

import json

import httpx2
import pytest

from rowcall_client import (
    RowcallClient,
    Status,
)
from tests.unit.client.client.conftest import ROW, Make, Script, answer


def test_submit_sends_the_row_and_returns_the_queued_job(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(queue={"position": 12, "eta_seconds": 0.8}), 202)]

    prediction = client.submit(ROW)

    assert script.asked == ["POST /v1/predictions"]
    assert json.loads(script.requests[0].content) == {"input": ROW}
    assert script.preferences == [None]
    assert (prediction.id, prediction.status, prediction.output) == ("prd_1", Status.QUEUED, None)
    assert prediction.queue is not None
    assert (prediction.queue.position, prediction.queue.eta_seconds) == (12, 0.8)


def test_submit_names_model_version_and_deadline_when_they_are_given(
    client: RowcallClient, script: Script, job: Make
) -> None:
    script.answers = [answer(job(), 202)]

    client.submit([ROW], model="gender", version="2", cancel_after_seconds=9_000_000)

    assert json.loads(script.requests[0].content) == {"model": "gender", "version": "2", "input": [ROW]}
    assert script.requests[0].headers["Cancel-After"] == "9000000s"


def test_a_path_in_the_address_is_kept_as_a_prefix(script: Script, job: Make) -> None:
    script.answers = [answer(job())]
    client = RowcallClient("https://example.org/rowcall/", transport=httpx2.MockTransport(script))

    client.get("prd_1")

    assert str(script.requests[0].url) == "https://example.org/rowcall/v1/predictions/prd_1"


def test_an_id_cannot_lead_to_another_path(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job())]

    client.get("../models?x=1")

    assert script.requests[0].url.raw_path == b"/v1/predictions/..%2Fmodels%3Fx%3D1"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "", "http://example.org:port"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        RowcallClient(url)


def test_nan_is_refused_before_anything_is_sent(client: RowcallClient, script: Script) -> None:
    with pytest.raises(ValueError, match="JSON"):
        client.submit({"height": float("nan")})

    assert script.requests == []


def test_cancel_posts_to_the_job(client: RowcallClient, script: Script, job: Make) -> None:
    script.answers = [answer(job(status="canceled"))]

    prediction = client.cancel("prd_1")

    assert script.asked == ["POST /v1/predictions/prd_1/cancel"]
    assert prediction.status is Status.CANCELED
