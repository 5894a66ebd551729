import json

import pytest

from shared.queues import Lane
from shared.settings import Settings, SettingsInvalid
from tests.moto_process import MotoProcess
from tests.sqs_proxy import BROKEN, DENIED, SqsProxy
from tests.sqs_queues import make_queue
from worker.queue_check import require_fit_queues

FEW_RECEIVES = json.dumps({"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:few-dead", "maxReceiveCount": 2})


def with_queue(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"sqs_bulk_url": url})


def test_queues_as_they_must_be_are_taken(settings: Settings) -> None:
    require_fit_queues(settings)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        pytest.param(
            {"VisibilityTimeout": "30"}, r"set VisibilityTimeout to 180 or more \(it is 30\)", id="visibility"
        ),
        pytest.param({"RedrivePolicy": ""}, "give it a RedrivePolicy with a dead-letter queue", id="no redrive"),
        pytest.param(
            {"RedrivePolicy": FEW_RECEIVES}, r"set maxReceiveCount .* to 5 or more \(it is 2\)", id="receives"
        ),
        pytest.param({"MaximumMessageSize": "65536"}, "set MaximumMessageSize to 262144 or more", id="size"),
    ],
)
def test_a_queue_that_would_break_the_promise_is_refused_with_what_to_change(
    settings: Settings, moto: MotoProcess, attributes: dict[str, str], words: str
) -> None:
    url = make_queue(moto.sqs_client(), "few", **attributes)

    with pytest.raises(SettingsInvalid, match=words) as refused:
        require_fit_queues(with_queue(settings, url))

    moto.sqs_client().delete_queue(QueueUrl=url)
    assert "ROWCALL_SQS_BULK_URL" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_longer_prediction_needs_a_longer_visibility(settings: Settings) -> None:
    patient = settings.model_copy(update={"predict_timeout_seconds": 300.0})

    with pytest.raises(SettingsInvalid, match="set VisibilityTimeout to 660 or more"):
        require_fit_queues(patient)


def test_queues_of_other_lanes_are_not_looked_at(settings: Settings, sqs: SqsProxy) -> None:
    missing = with_queue(settings, settings.sqs_bulk_url + "-missing" if settings.sqs_bulk_url else "")

    require_fit_queues(missing.model_copy(update={"lanes": (Lane.INTERACTIVE,)}))

    assert sqs.asked == {"GetQueueAttributes": 1}


def test_a_queue_that_does_not_exist_is_refused(settings: Settings, sqs: SqsProxy) -> None:
    missing = with_queue(settings, f"{sqs.url}/123456789012/missing")

    with pytest.raises(SettingsInvalid, match=r"missing .*NonExistentQueue; check the URL"):
        require_fit_queues(missing)


def test_a_queue_that_may_not_be_read_is_refused(settings: Settings, sqs: SqsProxy) -> None:
    sqs.failing["GetQueueAttributes"] = DENIED

    with pytest.raises(SettingsInvalid, match="AccessDenied; check the URL and sqs:GetQueueAttributes"):
        require_fit_queues(settings)


def test_an_outage_is_waited_for(settings: Settings, sqs: SqsProxy) -> None:
    sqs.failing["GetQueueAttributes"] = BROKEN

    require_fit_queues(settings)
