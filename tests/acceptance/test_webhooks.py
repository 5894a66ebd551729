"""A whole stack tells its clients that their jobs have ended, and a receiver that is dead delays none of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.webhook_receiver import SECRET, WebhookReceiver, running_receiver

PERSON = {"height": 181, "weight": 80, "shoe_size": 44}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    """A stack that may tell this machine."""
    settings = Settings.model_validate(
        {
            "port": free_port(),
            "data_dir": tmp_path_factory.mktemp("data"),
            "models_dir": root / "models",
            "workers": 1,
            "webhooks": True,
            "webhook_secrets": SECRET,
            "webhook_allowed_networks": "127.0.0.0/8",
        }
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with running_receiver() as receiver:
        yield receiver


def submit(http: httpx2.Client, url: str, **headers: str) -> dict[str, Any]:
    """Submit a job with a webhook and return it as it was answered."""
    answer = http.post("/v1/predictions", json={"input": PERSON, "webhook": {"url": url}}, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_receiver_is_told_of_a_prediction(http: httpx2.Client, receiver: WebhookReceiver) -> None:
    job = submit(http, receiver.url)

    received = receiver.take()

    message = Webhook(SECRET).verify(received.body, received.headers)
    answer = http.get(message["data"]["urls"]["get"]).json()
    assert (message["type"], message["data"]["id"]) == ("prediction.succeeded", job["id"])
    assert answer["output"]["prediction"] == "male"


def test_a_receiver_is_told_of_a_batch(http: httpx2.Client, receiver: WebhookReceiver, root: Path) -> None:
    people = (root / "examples" / "people.csv").read_bytes()
    batch = http.post(
        "/v1/batches", params={"webhook_url": receiver.url}, content=people, headers={"Content-Type": "text/csv"}
    ).json()

    received = receiver.take(seconds=60)

    message = Webhook(SECRET).verify(received.body, received.headers)
    assert (message["type"], message["data"]["id"]) == ("batch.completed", batch["id"])


def test_a_receiver_that_never_answers_delays_no_prediction(http: httpx2.Client, receiver: WebhookReceiver) -> None:
    receiver.may_answer.clear()
    first = submit(http, receiver.url)
    # From here on a delivery is in hand, and stays so until the receiver may answer.
    receiver.take()

    others = [submit(http, receiver.url, Prefer="wait=20") for _ in range(20)]

    present = http.get(f"/v1/predictions/{first['id']}").json()
    assert [job["status"] for job in others] == ["succeeded"] * 20
    assert not receiver.may_answer.is_set()
    assert present["webhook_status"] == "pending"
