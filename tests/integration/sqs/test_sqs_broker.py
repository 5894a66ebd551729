import json
import time
from typing import Any

import pytest
from redis import Redis

from shared.broker import make_celery
from shared.brokers import make_broker
from shared.errors import BrokerUnavailable
from shared.job_lists import queued_key
from shared.job_store import RedisJobStore
from shared.jobs import JobSpec
from shared.lane_flow import LaneFlow
from shared.messages import PredictMessage
from shared.queues import Lane, TaskName
from shared.settings import Settings
from shared.sqs_broker import GRACE_SECONDS, SqsBroker
from tests.builders import job_spec
from tests.moto_process import MotoProcess
from tests.sqs_proxy import BROKEN, DENIED, THROTTLED, Failure, SqsProxy

SIGNED_OUT = Failure(403, "InvalidClientTokenId")


def take_bodies(moto: MotoProcess, settings: Settings, lane: Lane = Lane.INTERACTIVE) -> list[dict[str, Any]]:
    """Take what lies in a queue."""
    url = settings.queue_urls[lane]
    assert url is not None
    answer = moto.sqs_client().receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def decode(body: dict[str, Any]) -> PredictMessage:
    return PredictMessage.decode(json.loads(body["body"])[1])


def age(redis: Redis, settings: Settings, job_id: str, seconds: float, lane: Lane = Lane.INTERACTIVE) -> float:
    """Let a queued job wait for so long already; returns since when."""
    since = time.time() - seconds
    redis.zadd(queued_key(settings, lane), {job_id: since})
    return since


def test_a_message_says_to_celery_what_it_says_on_redis(
    broker: SqsBroker, moto: MotoProcess, settings: Settings
) -> None:
    broker.send([job_spec("prd_a"), job_spec("prd_b")], enqueued_at=12.5)

    (body,) = take_bodies(moto, settings)
    assert body["headers"]["task"] == TaskName.PREDICT
    assert body["headers"]["enqueued_at"] == 12.5
    assert (body["headers"]["argsrepr"], body["headers"]["kwargsrepr"]) == ("", "")
    assert decode(body) == PredictMessage.of([job_spec("prd_a"), job_spec("prd_b")])


def test_kombu_reads_the_message(broker: SqsBroker, settings: Settings) -> None:
    broker.send([job_spec(rows=[["größer \ufffe \u0001", 44.0]])], enqueued_at=12.5)

    with make_celery(settings).connection_for_read() as connection:
        channel = connection.channel()
        message = channel.message_to_python(channel._get(Lane.INTERACTIVE.value))

    assert message.headers["task"] == TaskName.PREDICT
    assert message.decode()[1]["rows"] == {"prd_a": [["größer \ufffe \u0001", 44.0]]}


def test_lanes_have_queues_of_their_own(broker: SqsBroker, moto: MotoProcess, settings: Settings) -> None:
    broker.send([job_spec(lane=Lane.BULK)], enqueued_at=1.0)

    assert take_bodies(moto, settings, Lane.INTERACTIVE) == []
    assert len(take_bodies(moto, settings, Lane.BULK)) == 1


def large(job_id: str, *, rows: int) -> JobSpec:
    return job_spec(job_id, rows=[[181.123456789, 44.0]] * rows, is_single=False)


def test_jobs_too_large_for_one_message_share_more(broker: SqsBroker, moto: MotoProcess, settings: Settings) -> None:
    specs = [large(f"prd_{letter}", rows=5_000) for letter in "abc"]

    broker.send(specs, enqueued_at=1.0)

    messages = [decode(body) for body in take_bodies(moto, settings)]
    assert [list(message.rows) for message in messages] == [["prd_a"], ["prd_b", "prd_c"]]
    assert {len(rows) for message in messages for rows in message.rows.values()} == {5_000}


def test_a_job_too_large_for_a_message_is_sent_without_its_rows(
    broker: SqsBroker, moto: MotoProcess, settings: Settings
) -> None:
    broker.send([large("prd_a", rows=50_000)], enqueued_at=1.0)

    (body,) = take_bodies(moto, settings)
    assert decode(body).rows == {"prd_a": []}


@pytest.mark.parametrize("failure", [THROTTLED, BROKEN, DENIED, SIGNED_OUT], ids=lambda failure: failure.code)
def test_what_sqs_refuses_is_an_unavailable_broker(broker: SqsBroker, sqs: SqsProxy, failure: Failure) -> None:
    sqs.failing["SendMessage"] = failure

    with pytest.raises(BrokerUnavailable, match=failure.code):
        broker.send([job_spec()], enqueued_at=1.0)


def test_a_server_that_is_away_is_an_unavailable_broker(settings: Settings, redis: Redis) -> None:
    nowhere = settings.model_copy(update={"sqs_endpoint_url": "http://127.0.0.1:1"})
    broker = make_broker(nowhere, make_celery(nowhere), store=redis, retries=0)

    with pytest.raises(BrokerUnavailable, match="EndpointConnectionError"):
        broker.send([job_spec()], enqueued_at=1.0)


def test_the_broker_answers(broker: SqsBroker) -> None:
    broker.check()


def test_whoever_may_only_send_can_do_without_the_attributes(broker: SqsBroker, sqs: SqsProxy) -> None:
    sqs.failing["GetQueueAttributes"] = DENIED

    broker.check()


def test_a_broker_that_does_not_answer_is_found_out(broker: SqsBroker, sqs: SqsProxy) -> None:
    sqs.failing["GetQueueAttributes"] = BROKEN

    with pytest.raises(BrokerUnavailable, match="InternalFailure"):
        broker.check()


def test_sqs_is_not_asked_while_no_job_waits_for_long(
    broker: SqsBroker, sqs: SqsProxy, redis: Redis, settings: Settings
) -> None:
    age(redis, settings, "prd_a", 4)

    assert broker.oldest_messages() == {}
    assert sqs.asked["GetQueueAttributes"] == 0


def test_a_job_that_waits_before_an_empty_queue_is_sent_again(
    broker: SqsBroker, jobs: RedisJobStore, redis: Redis, settings: Settings
) -> None:
    jobs.accept([job_spec()])
    age(redis, settings, "prd_a", 6)

    resent = jobs.sweep(broker.oldest_messages()).resend

    assert [stuck.spec.id for stuck in resent] == ["prd_a"]
    assert broker.oldest_messages() == {}


def test_a_job_in_a_backlog_that_nobody_works_on_is_left_alone(
    broker: SqsBroker, jobs: RedisJobStore, redis: Redis, settings: Settings
) -> None:
    (accepted,) = jobs.accept([job_spec()])
    broker.send([job_spec()], enqueued_at=accepted.created_at)
    age(redis, settings, "prd_a", 600)

    assert broker.oldest_messages() == {}
    assert jobs.sweep(broker.oldest_messages()).resend == []


def test_only_jobs_overtaken_by_all_that_is_received_are_sent_again_in_a_backlog(
    broker: SqsBroker, jobs: RedisJobStore, redis: Redis, settings: Settings
) -> None:
    jobs.accept([job_spec("prd_lost"), job_spec("prd_next"), job_spec("prd_last")])
    broker.send([job_spec("prd_last")], enqueued_at=time.time())
    age(redis, settings, "prd_lost", 300)
    next_since = age(redis, settings, "prd_next", 200)
    flow = LaneFlow(redis, settings)
    flow.note(Lane.INTERACTIVE, next_since + 50)
    flow.note(Lane.INTERACTIVE, next_since)

    oldest = broker.oldest_messages()

    assert oldest[Lane.INTERACTIVE] == pytest.approx(next_since - GRACE_SECONDS)
    assert [stuck.spec.id for stuck in jobs.sweep(oldest).resend] == ["prd_lost"]


def test_a_lane_that_cannot_be_looked_at_is_an_unavailable_broker(
    broker: SqsBroker, sqs: SqsProxy, redis: Redis, settings: Settings
) -> None:
    age(redis, settings, "prd_a", 60)
    sqs.failing["GetQueueAttributes"] = BROKEN

    with pytest.raises(BrokerUnavailable):
        broker.oldest_messages()
