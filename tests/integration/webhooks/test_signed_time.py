"""The time of a message is signed, so a receiver with the published library takes no old message for a new one."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from tests.webhook_receiver import SECRET
from worker.webhooks.payload import Signer

BODY = b'{"type":"prediction.succeeded"}'


def signed(sent_at: datetime) -> dict[str, str]:
    return Signer([SecretStr(SECRET)]).headers("msg_prd_a_1", BODY, sent_at)


def test_a_message_with_its_own_time_is_taken() -> None:
    assert Webhook(SECRET).verify(BODY, signed(datetime.now(UTC))) == {"type": "prediction.succeeded"}


@pytest.mark.parametrize(
    "change",
    ["{sent_at:d}1", "{earlier:d}", "{later:d}", "soon", ""],
    ids=["far away", "a second earlier", "a second later", "no number", "none"],
)
def test_a_time_that_was_tampered_with_is_refused(change: str) -> None:
    headers = signed(datetime.now(UTC))
    sent_at = int(headers["webhook-timestamp"])
    changed = change.format(sent_at=sent_at, earlier=sent_at - 1, later=sent_at + 1)

    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(BODY, headers | {"webhook-timestamp": changed})


@pytest.mark.parametrize(
    ("age", "reason"),
    [(timedelta(minutes=6), "too old"), (timedelta(minutes=-6), "too new")],
    ids=["kept and sent again", "signed ahead of its time"],
)
def test_a_message_of_another_time_is_refused(age: timedelta, reason: str) -> None:
    with pytest.raises(WebhookVerificationError, match=reason):
        Webhook(SECRET).verify(BODY, signed(datetime.now(UTC) - age))
