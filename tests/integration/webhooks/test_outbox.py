"""However a job ends, the message about it lies in the outbox in the same moment."""

from collections.abc import Callable

import pytest
from redis import Redis

from shared.job_store import RedisJobStore
from shared.jobs import Job
from shared.queues import Lane
from shared.settings import Settings
from shared.webhook_outbox import LEASE_SECONDS, MOST_ATTEMPTS, RedisWebhookOutbox
from shared.webhooks import Delivery, DeliveryErrorCode, DeliveryStatus
from tests.builders import failure, job_spec, success
from tests.integration.webhooks.conftest import URL, claim
from tests.timed_stores import TimedRedisJobStore


def accept(jobs: RedisJobStore, job_id: str = "prd_a", **overrides: object) -> None:
    jobs.accept([job_spec(job_id, webhook_url=URL, **overrides)])


def finish(jobs: RedisJobStore, job_id: str = "prd_a") -> None:
    jobs.claim([job_id], "t1")
    jobs.finish(Lane.INTERACTIVE, {job_id: success()}, "t1", busy_seconds=0.01)


def find(jobs: RedisJobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def fail(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": failure()}, "t1", busy_seconds=0.01)


def cancel_while_running(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)


def give_back_what_is_canceled(jobs: TimedRedisJobStore) -> None:
    jobs.claim(["prd_a"], "t1")
    jobs.cancel("prd_a")
    jobs.release(["prd_a"], "t1")


def let_deadline_pass(jobs: TimedRedisJobStore) -> None:
    jobs.let_time_pass(91)


def expire_at_sweep(jobs: TimedRedisJobStore) -> None:
    let_deadline_pass(jobs)
    jobs.sweep({})


def expire_at_claim(jobs: TimedRedisJobStore) -> None:
    let_deadline_pass(jobs)
    jobs.claim(["prd_a"], "t1")


def expire_at_look(jobs: TimedRedisJobStore) -> None:
    let_deadline_pass(jobs)
    jobs.find("prd_a")


def set_aside(jobs: TimedRedisJobStore) -> None:
    for token in ("t1", "t2", "t3"):
        jobs.claim(["prd_a"], token)
        jobs.let_time_pass(11)
        jobs.sweep({})


@pytest.mark.parametrize(
    ("end", "status", "code"),
    [
        pytest.param(finish, "succeeded", None, id="succeeded"),
        pytest.param(fail, "failed", "prediction_failed", id="failed"),
        pytest.param(lambda jobs: jobs.cancel("prd_a"), "canceled", "canceled", id="canceled while queued"),
        pytest.param(cancel_while_running, "canceled", "canceled", id="canceled while running"),
        pytest.param(give_back_what_is_canceled, "canceled", "canceled", id="canceled and given back"),
        pytest.param(expire_at_sweep, "expired", "deadline_passed", id="expired at a sweep"),
        pytest.param(expire_at_claim, "expired", "deadline_passed", id="expired at a claim"),
        pytest.param(expire_at_look, "expired", "deadline_passed", id="expired when it is read"),
        pytest.param(set_aside, "failed", "worker_died", id="set aside"),
    ],
)
def test_whichever_way_a_job_ends_there_is_one_message_about_it(
    jobs: TimedRedisJobStore,
    outbox: RedisWebhookOutbox,
    end: Callable[[TimedRedisJobStore], None],
    status: str,
    code: str | None,
) -> None:
    accept(jobs, deadline_seconds=90.0)

    end(jobs)

    (message,) = claim(outbox)
    job = find(jobs)
    assert (message.id, message.url, message.subject) == ("msg_prd_a_1", URL, "prd_a")
    assert (message.status, message.error_code, message.attempt) == (status, code, 1)
    assert (message.created_at, message.completed_at) == pytest.approx((job.created_at, job.completed_at))
    assert job.delivery == Delivery(DeliveryStatus.PENDING, 0)


def test_an_open_job_has_no_message(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    jobs.claim(["prd_a"], "t1")

    assert claim(outbox) == []
    assert find(jobs).delivery is None


def test_a_job_without_a_webhook_leaves_nothing_in_the_outbox(
    jobs: TimedRedisJobStore, redis: Redis, settings: Settings
) -> None:
    jobs.accept([job_spec()])
    finish(jobs)

    assert list(redis.scan_iter(f"{settings.key_root}webhook*")) == []
    assert find(jobs).delivery is None


def test_rows_that_look_like_a_webhook_are_none(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    jobs.accept([job_spec(rows=[['{"webhook_url":"https://elsewhere.example/"', 44.0]])])
    finish(jobs)

    assert claim(outbox) == []


def test_a_job_that_is_finished_twice_has_one_message(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    finish(jobs)
    claim(outbox)

    finish(jobs)

    assert claim(outbox) == []


def test_the_webhook_of_a_record_that_was_lost_comes_back_with_it(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, redis: Redis
) -> None:
    accept(jobs)
    created_at = find(jobs).created_at
    redis.delete(*redis.scan_iter(f"{jobs._root}*"))

    jobs.restore([job_spec(webhook_url=URL)], sent_at=created_at)
    finish(jobs)

    assert [message.url for message in claim(outbox)] == [URL]


def test_a_message_is_held_by_one_process_at_a_time(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    finish(jobs)
    claim(outbox)

    assert claim(outbox) == []


def test_a_message_whose_process_died_is_taken_again_under_the_same_id(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    accept(jobs)
    finish(jobs)
    (first,) = claim(outbox)

    jobs.let_time_pass(LEASE_SECONDS + 1)

    (second,) = claim(outbox)
    assert (second.id, second.attempt) == (first.id, 2)
    assert second.token != first.token


def test_a_late_process_cannot_settle_what_another_holds(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    finish(jobs)
    (late,) = claim(outbox)
    jobs.let_time_pass(LEASE_SECONDS + 1)
    (present,) = claim(outbox)

    assert not outbox.failed(late, DeliveryErrorCode.TIMED_OUT, None)
    assert outbox.delivered(present, 200)
    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 2, 200)


def test_a_message_that_kills_each_process_is_given_up(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    finish(jobs)
    taken = []
    for _ in range(MOST_ATTEMPTS):
        taken += claim(outbox)
        jobs.let_time_pass(LEASE_SECONDS + 1)

    assert claim(outbox) == []
    assert len(taken) == MOST_ATTEMPTS
    expected = Delivery(DeliveryStatus.FAILED, MOST_ATTEMPTS, last_error=DeliveryErrorCode.WORKER_DIED)
    assert find(jobs).delivery == expected


def test_a_delivered_message_is_not_taken_again(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs)
    finish(jobs)
    (message,) = claim(outbox)

    outbox.delivered(message, 204)
    jobs.let_time_pass(LEASE_SECONDS + 1)

    assert claim(outbox) == []
    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 1, 204)


def test_a_postponed_message_is_taken_when_its_pause_is_over(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    accept(jobs)
    finish(jobs)
    (message,) = claim(outbox)

    outbox.postpone(message, DeliveryErrorCode.REFUSED_BY_RECEIVER, 503, pause_seconds=300)
    delivery = find(jobs).delivery
    jobs.let_time_pass(299)
    early = claim(outbox)
    jobs.let_time_pass(2)

    assert delivery is not None
    assert (delivery.status, delivery.attempts, delivery.last_status) == (DeliveryStatus.PENDING, 1, 503)
    assert delivery.last_error is DeliveryErrorCode.REFUSED_BY_RECEIVER
    assert delivery.next_attempt_at is not None
    assert early == []
    assert [one.attempt for one in claim(outbox)] == [2]


def test_a_message_outlives_the_record_of_its_job(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, redis: Redis
) -> None:
    accept(jobs)
    finish(jobs)
    redis.delete(f"{jobs._root}job:prd_a")

    (message,) = claim(outbox)
    outbox.delivered(message, 200)

    assert message.status == "succeeded"
    assert jobs.find("prd_a") is None


def test_a_settled_message_goes_with_its_retention(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, redis: Redis, settings: Settings
) -> None:
    accept(jobs)
    finish(jobs)
    (message,) = claim(outbox)
    before = redis.ttl(f"{settings.key_root}webhook:{message.id}")

    outbox.delivered(message, 200)

    assert before == -1
    assert 0 < redis.ttl(f"{settings.key_root}webhook:{message.id}") <= settings.retention_seconds


@pytest.mark.parametrize("is_delivered", [False, True], ids=["given up", "delivered"])
def test_a_settled_message_can_be_sent_again_under_the_same_id(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, *, is_delivered: bool
) -> None:
    accept(jobs)
    finish(jobs)
    (message,) = claim(outbox)
    settle = {
        False: lambda: outbox.failed(message, DeliveryErrorCode.REFUSED_BY_RECEIVER, 410),
        True: lambda: outbox.delivered(message, 200),
    }
    settle[is_delivered]()

    found = outbox.redeliver_job("prd_a")

    (again,) = claim(outbox)
    assert found
    assert (again.id, again.attempt) == (message.id, 1)
    delivery = find(jobs).delivery
    assert delivery is not None
    assert delivery.status is DeliveryStatus.PENDING


@pytest.mark.parametrize("url", ["", URL], ids=["without a webhook", "still open"])
def test_what_has_no_message_cannot_be_sent_again(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, url: str
) -> None:
    jobs.accept([job_spec(webhook_url=url)])

    assert not outbox.redeliver_job("prd_a")
    assert not outbox.redeliver_job("prd_unknown")


def test_messages_of_one_receiver_leave_room_for_those_of_others(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    names = ["prd_a", "prd_b", "prd_c", "prd_d"]
    for name in names:
        accept(jobs, name)
        finish(jobs, name)
    jobs.accept([job_spec("prd_other", webhook_url="https://other.example/")])
    finish(jobs, "prd_other")

    first = outbox.claim(most=16, most_of_one=2, in_hand={"receiver.example": 1})
    jobs.let_time_pass(6)
    second = outbox.claim(most=16, most_of_one=4, in_hand={"receiver.example": 1})

    assert [message.subject for message in first.messages] == ["prd_a", "prd_other"]
    assert [message.subject for message in second.messages] == ["prd_b", "prd_c", "prd_d"]
    assert [message.attempt for message in second.messages] == [1, 1, 1]


def test_a_job_of_which_nothing_is_kept_is_told_of_all_the_same(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    accept(jobs, retain_seconds=0)
    finish(jobs)
    jobs.let_time_pass(10)

    assert jobs.find("prd_a") is None
    assert [message.status for message in claim(outbox)] == ["succeeded"]


def test_a_job_that_is_deleted_while_it_runs_leaves_a_message_and_no_record(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, redis: Redis
) -> None:
    accept(jobs)
    jobs.claim(["prd_a"], "t1")
    jobs.delete("prd_a")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": success()}, "t1", busy_seconds=0.01)

    (message,) = claim(outbox)
    outbox.delivered(message, 200)

    assert message.status == "canceled"
    assert redis.exists(f"{jobs._root}job:prd_a") == 0


def test_a_list_tells_how_far_the_message_of_a_job_has_come(
    jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    accept(jobs)
    finish(jobs)
    (message,) = claim(outbox)
    outbox.delivered(message, 200)

    (listed,) = jobs.page("", limit=10).jobs

    assert listed.delivery == Delivery(DeliveryStatus.DELIVERED, 1, 200)


def test_a_job_is_told_of_by_the_id_that_its_client_made(jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox) -> None:
    accept(jobs, client_id="order-4711")
    finish(jobs)

    (message,) = claim(outbox)

    assert (message.id, message.subject) == ("msg_prd_a_1", "order-4711")
