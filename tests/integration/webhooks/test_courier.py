"""A message is signed, sent until its receiver has it, and what became of it is written down."""

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from redis import Redis
from standardwebhooks import Webhook, WebhookVerificationError

from shared.jobs import Job
from shared.queues import Lane
from shared.redis_client import make_redis
from shared.settings import Settings
from shared.webhook_outbox import MOST_ATTEMPTS, PAUSES_SECONDS, RedisWebhookOutbox
from shared.webhooks import Delivery, DeliveryErrorCode, DeliveryStatus
from tests.builders import failure, job_spec, success
from tests.integration.webhooks.conftest import claim
from tests.timed_stores import TimedRedisJobStore
from tests.webhook_receiver import OTHER_SECRET, SECRET, Received, WebhookReceiver, running_receiver
from worker.webhooks.courier import Courier, choose_pause
from worker.webhooks.transport import LookUp, Transport

MakeCourier = Callable[..., Courier]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Webhooks may go to this machine."""
    own = {
        "webhooks": True,
        "webhook_secrets": (SecretStr(SECRET),),
        "webhook_allowed_networks": (ipaddress.ip_network("127.0.0.0/8"),),
    }
    return settings.model_copy(update=own)


@pytest.fixture
def make_courier(outbox: RedisWebhookOutbox, settings: Settings) -> MakeCourier:
    """Make a courier; keywords are settings."""

    def make(*, timeout_seconds: float = 5.0, look_up: LookUp = socket.getaddrinfo, **overrides: object) -> Courier:
        own = settings.model_copy(update=overrides)
        transport = Transport(own.webhook_allowed_networks, look_up=look_up, timeout_seconds=timeout_seconds)
        return Courier(outbox, transport, own, on_turn=lambda: None)

    return make


@pytest.fixture
def courier(make_courier: MakeCourier) -> Courier:
    return make_courier()


@pytest.fixture
def running(make_courier: MakeCourier) -> Iterator[Courier]:
    """A courier at work."""
    courier = make_courier(webhook_concurrency=4)
    thread = threading.Thread(target=courier.run)
    thread.start()
    yield courier
    courier.stop()
    thread.join()


def end(jobs: TimedRedisJobStore, url: str, job_id: str = "prd_a") -> None:
    """Let a job with a webhook succeed."""
    jobs.accept([job_spec(job_id, webhook_url=url)])
    jobs.claim([job_id], "t1")
    jobs.finish(Lane.INTERACTIVE, {job_id: success()}, "t1", busy_seconds=0.01)


def end_many(jobs: TimedRedisJobStore, urls: Sequence[str]) -> None:
    """Let a job succeed for each URL; the first is prd_0."""
    for number, url in enumerate(urls):
        end(jobs, url, f"prd_{number}")


class HangingNames:
    """A resolver that does not answer for the names below one domain, until it may."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self.may_answer = threading.Event()

    def look_up(self, host: str, *arguments: Any, **options: Any) -> Any:
        if host.endswith(self._domain):
            self.may_answer.wait(60)
            raise socket.gaierror
        return socket.getaddrinfo(host, *arguments, **options)


def find(jobs: TimedRedisJobStore, job_id: str = "prd_a") -> Job:
    job = jobs.find(job_id)
    assert job is not None
    return job


def deliver_due(courier: Courier, outbox: RedisWebhookOutbox) -> None:
    (message,) = claim(outbox)
    courier.deliver(message)


def verify(received: Received, secret: str = SECRET) -> Any:
    """Do what a receiver does, with the published library."""
    return Webhook(secret).verify(received.body, received.headers)


def test_a_receiver_learns_what_ended_and_how(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    end(jobs, receiver.url)

    deliver_due(courier, outbox)

    received = receiver.take()
    payload = verify(received)
    data = payload["data"]
    assert (received.path, received.headers["content-type"]) == ("/hook?key=of-the-receiver", "application/json")
    assert (payload["type"], payload["timestamp"]) == ("prediction.succeeded", data["completed_at"])
    assert (data["id"], data["object"], data["status"], data["error"]) == ("prd_a", "prediction", "succeeded", None)
    assert data["urls"] == {"get": "/v1/predictions/prd_a"}
    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 1, 204)


def test_a_receiver_learns_why_a_job_failed_but_nothing_of_its_rows(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    jobs.accept([job_spec(webhook_url=receiver.url)])
    jobs.claim(["prd_a"], "t1")
    jobs.finish(Lane.INTERACTIVE, {"prd_a": failure("of the value 181.0")}, "t1", busy_seconds=0.01)

    deliver_due(courier, outbox)

    received = receiver.take()
    assert verify(received)["data"]["error"] == {"code": "prediction_failed"}
    assert b"181" not in received.body


def test_a_signature_proves_the_sender_and_the_body(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    end(jobs, receiver.url)
    deliver_due(courier, outbox)
    received = receiver.take()

    with pytest.raises(WebhookVerificationError):
        verify(received, OTHER_SECRET)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body.replace(b"succeeded", b"failed"), received.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(received.body, received.headers | {"webhook-id": "msg_other"})


@pytest.mark.parametrize("known", [SECRET, OTHER_SECRET], ids=["the old one", "the new one"])
def test_while_a_secret_is_replaced_a_receiver_may_know_either(
    make_courier: MakeCourier,
    jobs: TimedRedisJobStore,
    outbox: RedisWebhookOutbox,
    receiver: WebhookReceiver,
    known: str,
) -> None:
    courier = make_courier(webhook_secrets=(SecretStr(OTHER_SECRET), SecretStr(SECRET)))
    end(jobs, receiver.url)

    deliver_due(courier, outbox)

    assert verify(receiver.take(), known)["data"]["id"] == "prd_a"


def test_a_message_is_the_same_at_every_try(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [500, 204]
    end(jobs, receiver.url)

    deliver_due(courier, outbox)
    jobs.let_time_pass(7)
    deliver_due(courier, outbox)

    first, second = receiver.take(), receiver.take()
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "msg_prd_a_1"
    assert verify(first)["data"]["id"] == verify(second)["data"]["id"] == "prd_a"
    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 2, 204)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 429, 500, 503])
def test_any_answer_but_success_is_tried_again_later(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver, status: int
) -> None:
    receiver.statuses = [status]
    end(jobs, receiver.url)

    deliver_due(courier, outbox)

    delivery = find(jobs).delivery
    assert delivery is not None
    assert (delivery.status, delivery.last_status) == (DeliveryStatus.PENDING, status)
    assert delivery.last_error is DeliveryErrorCode.REFUSED_BY_RECEIVER
    assert claim(outbox) == []


def test_a_receiver_that_is_gone_is_not_asked_again(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    receiver.statuses = [410]
    end(jobs, receiver.url)

    deliver_due(courier, outbox)

    expected = Delivery(DeliveryStatus.FAILED, 1, 410, DeliveryErrorCode.REFUSED_BY_RECEIVER)
    assert find(jobs).delivery == expected


def test_an_address_that_is_not_public_is_not_tried_again(
    make_courier: MakeCourier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox
) -> None:
    courier = make_courier(webhook_allowed_networks=())
    end(jobs, "https://localhost/")

    deliver_due(courier, outbox)

    expected = Delivery(DeliveryStatus.FAILED, 1, None, DeliveryErrorCode.ADDRESS_REFUSED)
    assert find(jobs).delivery == expected


def test_what_the_operator_no_longer_allows_is_not_sent(
    make_courier: MakeCourier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver
) -> None:
    courier = make_courier(webhook_allowed_networks=())
    end(jobs, receiver.url)

    deliver_due(courier, outbox)

    delivery = find(jobs).delivery
    assert delivery is not None
    assert (delivery.status, receiver.is_idle) == (DeliveryStatus.FAILED, True)


def test_after_the_last_try_a_message_is_given_up_until_it_is_asked_for(
    courier: Courier, jobs: TimedRedisJobStore, outbox: RedisWebhookOutbox, receiver: WebhookReceiver, redis: Redis
) -> None:
    receiver.statuses = [503, 204]
    end(jobs, receiver.url)
    redis.hset(f"{jobs._root}webhook:msg_prd_a_1", "attempts", str(MOST_ATTEMPTS - 1))

    deliver_due(courier, outbox)
    given_up = find(jobs).delivery
    outbox.redeliver_job("prd_a")
    deliver_due(courier, outbox)

    expected = Delivery(DeliveryStatus.FAILED, MOST_ATTEMPTS, 503, DeliveryErrorCode.REFUSED_BY_RECEIVER)
    assert given_up == expected
    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 1, 204)


def test_pauses_grow_to_a_day_and_are_never_all_alike() -> None:
    shortest = [choose_pause(attempt, lambda: 0.0) for attempt in range(1, MOST_ATTEMPTS)]
    longest = [choose_pause(attempt, lambda: 1.0) for attempt in range(1, MOST_ATTEMPTS)]

    assert shortest == list(PAUSES_SECONDS)
    assert longest == [1.2 * pause for pause in PAUSES_SECONDS]
    assert sum(PAUSES_SECONDS) < 80 * 3600


def test_a_courier_delivers_what_ends_while_it_runs(
    running: Courier, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    end(jobs, receiver.url)

    assert verify(receiver.take())["data"]["id"] == "prd_a"


def test_a_receiver_that_never_answers_does_not_hold_up_the_messages_of_others(
    running: Courier, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    with running_receiver() as dead:
        dead.may_answer.clear()
        end(jobs, dead.url, "prd_dead_1")
        end(jobs, dead.url, "prd_dead_2")
        dead.take()

        end(jobs, receiver.url)

        # While the first message to the dead one is still in hand, and the second waits for it.
        assert orjson.loads(receiver.take().body)["data"]["id"] == "prd_a"
        assert dead.is_idle


def test_names_whose_servers_never_answer_do_not_hold_up_the_messages_of_others(
    make_courier: MakeCourier, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    hanging = HangingNames("hanging.example")
    courier = make_courier(look_up=hanging.look_up, timeout_seconds=0.5, webhook_concurrency=4)
    end_many(jobs, [f"http://{number}.hanging.example:8080/" for number in range(12)])
    end(jobs, receiver.url)
    thread = threading.Thread(target=courier.run)
    thread.start()

    # More names than threads, so that each thread hangs at first.
    taken = orjson.loads(receiver.take().body)

    courier.stop()
    thread.join()
    hanging.may_answer.set()
    first = find(jobs, "prd_0").delivery
    assert taken["data"]["id"] == "prd_a"
    assert first is not None
    assert (first.status, first.last_error) == (DeliveryStatus.PENDING, DeliveryErrorCode.TIMED_OUT)


def test_a_courier_that_is_told_to_stop_settles_what_is_in_hand(
    make_courier: MakeCourier, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    courier = make_courier()
    thread = threading.Thread(target=courier.run)
    thread.start()
    receiver.may_answer.clear()
    end(jobs, receiver.url)
    receiver.take()

    courier.stop()
    receiver.may_answer.set()
    thread.join()

    assert find(jobs).delivery == Delivery(DeliveryStatus.DELIVERED, 1, 204)


def test_no_log_tells_a_secret_or_a_url(
    make_courier: MakeCourier,
    jobs: TimedRedisJobStore,
    outbox: RedisWebhookOutbox,
    receiver: WebhookReceiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.statuses = [500, 410, 204]
    courier = make_courier()
    for job_id in ("prd_a", "prd_b", "prd_c"):
        end(jobs, receiver.url, job_id)
    for message in claim(outbox):
        courier.deliver(message)

    told = "\n".join(str(record.__dict__) for record in caplog.records)

    assert "webhook delivered" in told
    assert "webhook given up" in told
    assert SECRET.removeprefix("whsec_") not in told
    assert "of-the-receiver" not in told


def test_a_store_that_is_away_stops_no_courier(
    settings: Settings, jobs: TimedRedisJobStore, receiver: WebhookReceiver
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = make_redis(settings, f"redis://127.0.0.1:{nobody.getsockname()[1]}/0", retries=0)
        turns = threading.Semaphore(0)
        outbox = RedisWebhookOutbox(away, settings)
        courier = Courier(outbox, Transport([]), settings, on_turn=turns.release)
        thread = threading.Thread(target=courier.run)
        thread.start()

        has_gone_on = [turns.acquire(timeout=20) for _ in range(3)]
        courier.stop()
        thread.join()

        assert has_gone_on == [True, True, True]
