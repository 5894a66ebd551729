"""However a batch ends, the message about it lies in the outbox in the same moment."""

from collections.abc import Callable

import pytest

from shared.batch_jobs import split_job
from shared.batch_store import CANCELED
from shared.batches import BatchStatus
from shared.webhook_outbox import RedisWebhookOutbox
from shared.webhooks import Delivery, DeliveryErrorCode, DeliveryStatus
from tests.builders import batch_spec, chunk, mend, part
from tests.integration.webhooks.conftest import URL, claim
from tests.timed_stores import TimedRedisBatchStore, TimedRedisJobStore


def accept_batch(batches: TimedRedisBatchStore, url: str = URL) -> None:
    spec = batch_spec(webhook_url=url, deadline_seconds=90.0)
    batches.accept(spec, split_job(spec))


def complete(batches: TimedRedisBatchStore) -> None:
    batches.note_chunks("bat_a", [chunk()], rows_total=10)
    batches.record_part("bat_a", 0, part(failed=1, errors_by_code={"missing_value": 1}))


def expire_batch(batches: TimedRedisBatchStore) -> None:
    batches.let_time_pass(91)
    batches.sweep()


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        pytest.param(complete, "completed", None, id="completed"),
        pytest.param(
            lambda batches: batches.end("bat_a", BatchStatus.CANCELED, CANCELED), "canceled", "canceled", id="canceled"
        ),
        pytest.param(expire_batch, "expired", "deadline_passed", id="expired"),
    ],
)
def test_whichever_way_a_batch_ends_there_is_one_message_about_it(
    batches: TimedRedisBatchStore,
    outbox: RedisWebhookOutbox,
    end: Callable[[TimedRedisBatchStore], None],
    status: str,
    code: str | None,
) -> None:
    accept_batch(batches)

    end(batches)

    (message,) = claim(outbox)
    batch = batches.find("bat_a")
    assert (message.id, message.url, message.subject) == ("msg_bat_a_1", URL, "bat_a")
    assert (message.status, message.error_code) == (status, code)
    assert batch is not None
    assert batch.delivery == Delivery(DeliveryStatus.PENDING, 0)


def test_a_batch_that_lost_a_step_tells_so(
    jobs: TimedRedisJobStore, batches: TimedRedisBatchStore, outbox: RedisWebhookOutbox
) -> None:
    accept_batch(batches)
    step = split_job(batch_spec())
    for number in range(step.max_attempts):
        jobs.claim([step.id], f"t{number}")
        jobs.redis.zincrby(f"{jobs._root}running", -60, step.id)
        jobs.sweep({})

    assert [(one.subject, one.status, one.error_code) for one in claim(outbox)] == [("bat_a", "failed", "worker_died")]


def test_a_batch_without_a_webhook_leaves_nothing_in_the_outbox(
    batches: TimedRedisBatchStore, outbox: RedisWebhookOutbox
) -> None:
    accept_batch(batches, url="")
    complete(batches)

    assert claim(outbox) == []


def test_a_batch_that_ends_again_tells_so_in_another_message(
    batches: TimedRedisBatchStore, outbox: RedisWebhookOutbox
) -> None:
    accept_batch(batches)
    complete(batches)
    (first,) = claim(outbox)
    spec = batch_spec(webhook_url=URL)
    batches.accept_mend(spec, 1, mend(), split_job(spec))
    batches.complete_mend("bat_a")

    (second,) = claim(outbox)
    outbox.delivered(second, 200)
    outbox.failed(first, DeliveryErrorCode.TIMED_OUT, None)

    batch = batches.find("bat_a")
    assert (first.id, second.id) == ("msg_bat_a_1", "msg_bat_a_2")
    assert batch is not None
    assert batch.delivery == Delivery(DeliveryStatus.DELIVERED, 1, 200)


def test_the_message_of_a_batch_can_be_sent_again(batches: TimedRedisBatchStore, outbox: RedisWebhookOutbox) -> None:
    accept_batch(batches)
    complete(batches)
    (message,) = claim(outbox)
    outbox.delivered(message, 200)

    found = outbox.redeliver_batch("bat_a")

    assert found
    assert [one.id for one in claim(outbox)] == [message.id]
